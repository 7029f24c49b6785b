#include "labctl/lab/runtime.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "labctl/lab/lock.h"
#include "tests/unit/labctl/lab/fake_lab.h"

namespace lab {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;

template <class Function>
std::string error_of(Function function) {
  try {
    function();
  } catch (const base::Error& error) {
    return error.what();
  }
  return {};
}

// An environment variable, until the end of the scope.
class Variable {
 public:
  Variable(const char* name, const std::string& value) : name_(name) {
    const char* before = std::getenv(name);
    if (before != nullptr) before_ = before;
    ::setenv(name, value.c_str(), 1);
  }
  ~Variable() { before_ ? ::setenv(name_, before_->c_str(), 1) : ::unsetenv(name_); }

 private:
  const char* name_;
  std::optional<std::string> before_;
};

TEST(RuntimeDirectory, IsTheUsersOwn) {
  fake::TemporaryFolder folder;
  {
    Variable chosen("LABCTL_RUNTIME_DIR", folder.path() / "mine");
    EXPECT_EQ(runtime_directory(), folder.path() / "mine");
    struct stat status {};
    ASSERT_EQ(::stat((folder.path() / "mine").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, 0700u);
  }
  Variable session("XDG_RUNTIME_DIR", folder.path());
  EXPECT_EQ(runtime_directory(), folder.path() / "labctl");
}

TEST(RuntimeDirectory, PassesOverWhatIsNotThere) {
  Variable session("XDG_RUNTIME_DIR", "/nosuch");
  EXPECT_NE(runtime_directory().string(), "/nosuch/labctl");
}

TEST(RuntimeDirectory, OthersMayNotEnter) {
  fake::TemporaryFolder folder;
  fs::create_directory(folder.path() / "open");
  ::chmod((folder.path() / "open").c_str(), 0755);
  Variable chosen("LABCTL_RUNTIME_DIR", folder.path() / "open");
  EXPECT_THAT(error_of(runtime_directory), HasSubstr("chmod 700"));
}

TEST(RuntimeDirectory, IsNoLinkToElsewhere) {
  fake::TemporaryFolder folder;
  fs::create_directory(folder.path() / "real");
  ::chmod((folder.path() / "real").c_str(), 0700);
  fs::create_symlink(folder.path() / "real", folder.path() / "link");
  Variable chosen("LABCTL_RUNTIME_DIR", folder.path() / "link");
  EXPECT_THAT(error_of(runtime_directory), HasSubstr("is no folder"));
}

TEST(RuntimeDirectory, HasRoomForASocketsPath) {
  fake::TemporaryFolder folder;
  Variable chosen("LABCTL_RUNTIME_DIR", folder.path() / std::string(90, 'x'));
  EXPECT_THAT(error_of(runtime_directory), HasSubstr("too long"));
}

TEST(LabName, IsAFoldersAndAHostsName) {
  for (const char* good : {"web", "ipvs-nat", "a_b", "7", "abcdefghijklmnopqrstuvwxyz-12345"}) {
    EXPECT_EQ(error_of([&] { check_lab_name(good); }), "") << good;
  }
  for (const char* bad : {"", ".", "..", "a/b", "-a", "a b", "é", "abcdefghijklmnopqrstuvwxyz-123456"}) {
    EXPECT_NE(error_of([&] { check_lab_name(bad); }), "") << bad;
  }
}

class LabFolderTest : public ::testing::Test {
 protected:
  std::unique_ptr<fake::FirstProcess> start(const LabFolder& folder) {
    kernel::LabFiles files = make_lab_files(folder);
    return std::make_unique<fake::FirstProcess>(std::move(files.lock));
  }

  fake::RuntimeDirectory directory_;
};

TEST_F(LabFolderTest, LivesAsLongAsItsFirstProcess) {
  LabFolder folder = lab_folder("web");
  EXPECT_FALSE(folder.alive());
  auto process = start(folder);
  EXPECT_TRUE(folder.alive());
  EXPECT_EQ(folder.first_process(), process->pid());
  EXPECT_EQ(find_lab("web").path, folder.path);
  process->end();
  EXPECT_FALSE(folder.alive());
  EXPECT_EQ(folder.first_process(), 0);
  EXPECT_TRUE(fs::exists(folder.lock())) << "it died, and could not tidy up";
}

TEST_F(LabFolderTest, LookingDoesNotDisturb) {
  LabFolder folder = lab_folder("web");
  kernel::LabFiles files = make_lab_files(folder);
  base::FileDescriptor first = base::open_file(folder.lock(), O_RDONLY),
                       second = base::open_file(folder.lock(), O_RDWR);
  EXPECT_TRUE(is_locked(first.get()));
  EXPECT_FALSE(take_lock(second.get()));
  files = {};
  EXPECT_FALSE(is_locked(first.get()));
  EXPECT_TRUE(take_lock(second.get()));
}

TEST_F(LabFolderTest, OnlyTheLivingAreListed) {
  auto dead = start(lab_folder("dead")), web = start(lab_folder("web")), another = start(lab_folder("another"));
  dead->end();
  fs::create_directory(directory_.path() / ".half-removed");
  fs::create_directory(directory_.path() / "empty");
  std::vector<std::string> names;
  for (const LabFolder& folder : living_labs()) names.push_back(folder.name);
  EXPECT_THAT(names, ::testing::ElementsAre("another", "web"));
}

TEST_F(LabFolderTest, OneThatIsNotThereIsToldFromOneThatDied) {
  auto web = start(lab_folder("web")), dead = start(lab_folder("dead"));
  base::write_file(lab_folder("dead").lab_log(), "supervisor: out of luck\n");
  dead->end();
  EXPECT_THAT(error_of([] { find_lab("wbe"); }), HasSubstr("running: web"));
  EXPECT_THAT(error_of([] { find_lab("dead"); }),
              AllOf(HasSubstr("supervisor: out of luck"), HasSubstr("labctl logs dead --lab")));
}

TEST_F(LabFolderTest, ANameIsTakenOnce) {
  auto process = start(lab_folder("web"));
  EXPECT_THAT(error_of([] { make_lab_files(lab_folder("web")); }),
              HasSubstr("lab web is running already (labctl down web"));
}

TEST_F(LabFolderTest, WhatADeadLabLeftIsReplaced) {
  LabFolder folder = lab_folder("web");
  start(folder)->end();
  base::write_all(base::open_file(folder.lab_log(), O_WRONLY | O_CREAT, 0600).get(), "x");
  kernel::LabFiles files = make_lab_files(folder);
  EXPECT_EQ(base::read_file(folder.lab_log()), "");
  EXPECT_EQ(base::read_file(folder.lock()), "") << "the number of a process that is gone";
  struct stat status {};
  ASSERT_EQ(::stat(folder.control_socket().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST_F(LabFolderTest, WhatOthersLeftIsReclaimedAfterADay) {
  LabFolder old = lab_folder("old"), recent = lab_folder("recent"), living = lab_folder("living");
  start(old)->end();
  start(recent)->end();
  auto process = start(living);
  auto two_days_ago = fs::file_time_type::clock::now() - std::chrono::hours(48);
  fs::last_write_time(old.lab_log(), two_days_ago);
  fs::last_write_time(living.lab_log(), two_days_ago);
  kernel::LabFiles files = make_lab_files(lab_folder("new"));
  EXPECT_FALSE(fs::exists(old.path));
  EXPECT_TRUE(fs::exists(recent.path));
  EXPECT_TRUE(living.alive());
}

// A runtime directory that somebody shares with other things, their home, say.
TEST_F(LabFolderTest, WhatNoLabHasMadeIsLeftAlone) {
  fs::path directory = runtime_directory();
  auto two_days_ago = fs::file_time_type::clock::now() - std::chrono::hours(48);
  auto make = [&](const fs::path& file) {
    fs::create_directories(file.parent_path());
    base::open_file(file, O_WRONLY | O_CREAT, 0600);
    for (fs::path it = file; it != directory; it = it.parent_path()) fs::last_write_time(it, two_days_ago);
    return file;
  };
  fs::path theirs[] = {make(directory / "file.txt"),
                       make(directory / "notes" / "diary"),
                       make(directory / "precious.d" / "lock"),
                       make(directory / "repository" / "lock"),
                       make(directory / "repository" / "config"),
                       make(directory / ".cache.1" / "thing")};
  kernel::LabFiles files = make_lab_files(lab_folder("new"));
  EXPECT_THAT(error_of([] { make_lab_files(lab_folder("notes")); }), HasSubstr("was not made by a lab"));
  for (const LabFolder& folder : all_labs()) EXPECT_EQ(folder.name, "new");
  end_lab(lab_folder("repository"), 50);
  for (const fs::path& path : theirs) EXPECT_TRUE(fs::exists(path)) << path;
}

TEST_F(LabFolderTest, OneThatDoesNotAnswerIsKilled) {
  LabFolder folder = lab_folder("web");
  auto process = start(folder);
  end_lab(folder, 50);
  EXPECT_FALSE(folder.alive());
  EXPECT_FALSE(fs::exists(folder.path));
}

TEST_F(LabFolderTest, OneThatAnswersEndsByItself) {
  fake::Lab lab("web");
  end_lab(lab.folder());
  EXPECT_THAT(lab.requests(), ::testing::ElementsAre("DELETE /v1/lab"));
  EXPECT_FALSE(fs::exists(lab.folder().path));
  end_lab(lab.folder());  // no error where it has ended
}

TEST_F(LabFolderTest, TheFolderOfALivingLabIsNotRemovedWithAnOldOnes) {
  LabFolder folder = lab_folder("web");
  start(folder)->end();
  auto next = start(folder);
  // Whoever waited for the first one's end is late.
  base::FileDescriptor unknown;
  EXPECT_FALSE(folder.wait_until_ended(20ms));
  EXPECT_TRUE(folder.alive());
}

TEST_F(LabFolderTest, AFailureIsExplainedByTheLabsEnd) {
  fake::Lab lab("web");
  base::Error failure("connect: refused");
  EXPECT_STREQ(explain(lab.folder(), failure).what(), "connect: refused");
  lab.die();
  EXPECT_STREQ(explain(lab.folder(), failure).what(),
               "lab web has ended; the last it said:\n  the first line\n  the last line");
}

}  // namespace
}  // namespace lab
