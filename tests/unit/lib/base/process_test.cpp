#include "lib/base/process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/error.h"

namespace {

std::string output_of(base::Program program) {
  base::Pipe pipe = base::make_pipe();
  program.output = pipe.write_end.get();
  pid_t child = base::start_program(program);
  pipe.write_end.reset();
  std::string output = base::read_all(pipe.read_end.get());
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(base::exit_code_of(status), 0);
  return output;
}

TEST(StartProgram, GivesArgumentsEnvironmentAndFolder) {
  base::Program program;
  program.arguments = {"/bin/sh", "-c", "echo $0 $1 $COLOUR; pwd", "a", "b c"};
  program.environment = {{"COLOUR", "blue"}, {"PATH", "/usr/bin:/bin"}};
  program.working_directory = "/usr";
  EXPECT_EQ(output_of(program), "a b c blue\n/usr\n");
}

TEST(StartProgram, LooksForTheProgramInThePathThatItIsToHave) {
  char folder[] = "/tmp/labctl-test-XXXXXX";
  ASSERT_NE(::mkdtemp(folder), nullptr);
  std::string file = std::string(folder) + "/only-here";
  base::write_all(base::open_file(file, O_WRONLY | O_CREAT, 0755).get(), "echo $PATH\n");  // a script without #!
  base::Program program;
  program.arguments = {"only-here"};
  program.environment = {{"PATH", std::string("/usr/bin:") + folder}};
  EXPECT_EQ(output_of(program), std::string("/usr/bin:") + folder + "\n");
  program.environment = {{"PATH", "/usr/bin"}};
  EXPECT_THROW(base::start_program(program), base::Error);
  ::unlink(file.c_str());
  ::rmdir(folder);
}

TEST(StartProgram, SaysWhichStepFailed) {
  base::Program program;
  program.arguments = {"/no/such/program"};
  try {
    base::start_program(program);
    FAIL() << "should have thrown";
  } catch (const base::Error& error) {
    EXPECT_STREQ(error.what(), "run /no/such/program: No such file or directory");
  }
  program.arguments = {"/bin/true"};
  program.working_directory = "/no/such/folder";
  EXPECT_THROW(base::start_program(program), base::Error);
}

TEST(StartProgram, LeavesNoZombieWhenItFails) {
  base::Program program;
  program.arguments = {"/no/such/program"};
  EXPECT_THROW(base::start_program(program), base::Error);
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
  EXPECT_EQ(errno, ECHILD);
}

TEST(StartProgram, LeadsASessionOfItsOwn) {
  base::Program program;
  program.arguments = {"/bin/sh", "-c", "test $(ps -o sid= -p $$) = $$ && echo leader"};
  program.environment = {{"PATH", "/usr/bin:/bin"}};
  EXPECT_EQ(output_of(program), "leader\n");
}

}  // namespace
