// What every command line has in common: help, exit codes, and that nothing is left undocumented.
#include <CLI/CLI.hpp>
// After CLI11, whose macros of the same names gtest's would be.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "labctl/commands/command_model.h"
#include "lib/base/file_descriptor.h"
#include "tests/unit/labctl/commands/command_line.h"
#include "tests/unit/labctl/lab/fake_lab.h"

namespace commands {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

std::vector<CommandModel> all_commands() {
  std::ostringstream unused;
  Context context(unused, unused);
  return model_of(*make_application(context));
}

TEST(Help, ListsEveryCommandInItsGroup) {
  Outcome help = labctl({"--help"});
  EXPECT_EQ(help.exit_code, 0);
  EXPECT_THAT(help.out, StartsWith("Usage: labctl COMMAND"));
  std::vector<std::string> names;
  for (const CommandModel& command : all_commands()) {
    EXPECT_THAT(help.out, HasSubstr("\n  " + command.name + " ")) << command.name;
    names.push_back(command.name);
  }
  for (const char* name :
       {"up",   "apply",    "down", "ps",    "exec",   "cp",   "forward", "kubectl",   "logs",    "restart",
        "kill", "validate", "plan", "graph", "doctor", "test", "schema",  "reference", "version", "completion"}) {
    EXPECT_THAT(names, ::testing::Contains(name));
  }
  EXPECT_THAT(help.out, Not(HasSubstr("__complete")));
}

TEST(Help, IsTheSameForEachCommandAndNamesItsArguments) {
  for (const CommandModel& command : all_commands()) {
    Outcome help = labctl({command.name, "--help"});
    EXPECT_EQ(help.exit_code, 0) << command.name;
    EXPECT_THAT(help.out, StartsWith("Usage: labctl " + command.name));
    for (const OptionModel& option : command.options) {
      EXPECT_THAT(help.out, HasSubstr(option.names.back()));
      EXPECT_FALSE(option.description.empty()) << command.name << " " << option.names.back();
    }
    std::istringstream lines(help.out);
    for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 125u) << line;
  }
}

TEST(Help, ReadsWell) {
  EXPECT_EQ(labctl({"restart", "--help"}).out,
            "Usage: labctl restart LAB TARGET\n"
            "\n"
            "Restart a node, as a reboot does, or a process.\n"
            "\n"
            "Arguments:\n"
            "  LAB                     the lab's name, as `labctl ps` lists them\n"
            "  TARGET                  a node, or PROCESS@NODE\n"
            "\n"
            "Options:\n"
            "  -h, --help              show this help\n"
            "\n"
            "A node is built anew: its tables are lost, its links and processes come back. A process is ended "
            "(SIGTERM, after\n"
            "3 s SIGKILL) and started again; it is running when this returns. So is an agent that you have rebuilt.\n");
}

TEST(Documentation, HasEveryCommandAndOption) {
  std::string text = base::read_file(std::string(SOURCE_DIR) + "/docs/commands.md");
  for (const CommandModel& command : all_commands()) {
    std::size_t start = text.find("\n### labctl " + command.name);
    ASSERT_NE(start, std::string::npos) << command.name;
    std::string section = text.substr(start + 1, text.find("\n### ", start + 1) - start - 1);
    for (const OptionModel& option : command.options) {
      for (const std::string& name : option.names) {
        if (name == "-h" || name == "--help") continue;
        EXPECT_THAT(section, ::testing::AnyOf(HasSubstr("`" + name + "`"), HasSubstr("`" + name + " ")))
            << command.name;
      }
    }
  }
}

TEST(ExitCodes, AWrongCommandLineIsBadInput) {
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{"nosuch"},
                                             {"up"},
                                             {"up", "--nosuch", "x.yaml"},
                                             {"up", "x.yaml", "--kernel", "minix"},
                                             {"down"},
                                             {"exec", "lab"},
                                             {"completion", "fish"},
                                             {"forward", "lab", "80"},
                                             {"cp", "a", "b"},
                                             {"cp", "lab:node", "b"},
                                             {"logs", "lab", "x", "--guest"},
                                             {"plan", "x.yaml", "--json", "--shell"},
                                             {"up", "x.yaml", "--ttl", "soon"}}) {
    Outcome outcome = labctl(arguments);
    EXPECT_EQ(outcome.exit_code, kBadInput) << arguments.front() << ": " << outcome.err;
    EXPECT_THAT(outcome.err, StartsWith("labctl: ")) << arguments.front();
    EXPECT_EQ(outcome.out, "");
  }
}

TEST(ExitCodes, NothingAtAllIsBadInputAndShowsHelp) {
  Outcome outcome = labctl({});
  EXPECT_EQ(outcome.exit_code, kBadInput);
  EXPECT_THAT(outcome.err, HasSubstr("Usage: labctl COMMAND"));
}

TEST(CommandLine, AMisspeltCommandIsMended) {
  Outcome outcome = labctl({"upp", "x.yaml"});
  EXPECT_EQ(outcome.exit_code, kBadInput);
  EXPECT_THAT(outcome.err, HasSubstr("no command \"upp\", did you mean \"up\"?"));
  EXPECT_THAT(labctl({"help"}).out, HasSubstr("doctor"));
}

TEST(ExitCodes, ALabThatIsNotThereIsAFailure) {
  fake::RuntimeDirectory directory;
  for (const std::vector<std::string>& arguments : std::vector<std::vector<std::string>>{{"ps", "web"},
                                                                                         {"down", "web"},
                                                                                         {"logs", "web"},
                                                                                         {"kill", "web", "a"},
                                                                                         {"restart", "web", "a"},
                                                                                         {"forward", "web", "1:a:1"},
                                                                                         {"cp", "web:a:/x", "."},
                                                                                         {"logs", "web", "--lab"}}) {
    Outcome outcome = labctl(arguments);
    EXPECT_EQ(outcome.exit_code, kFailed) << arguments.front();
    EXPECT_THAT(outcome.err, StartsWith("labctl: no lab web is running")) << arguments.front();
  }
  EXPECT_EQ(labctl({"exec", "web", "a", "true"}).exit_code, kLabctlFailed);
  EXPECT_EQ(labctl({"kubectl", "web", "get"}).exit_code, kLabctlFailed);
}

TEST(Version, IsSaid) {
  EXPECT_THAT(labctl({"version"}).out, ::testing::MatchesRegex("labctl [0-9.]+\n"));
  EXPECT_EQ(labctl({"--version"}).out, labctl({"version"}).out);
  EXPECT_EQ(boost::json::parse(labctl({"version", "--json"}).out).at("version").is_string(), true);
}

TEST(Schema, IsJson) {
  EXPECT_TRUE(boost::json::parse(labctl({"schema"}).out).is_object());
}

TEST(Reference, IsMarkdown) {
  EXPECT_THAT(labctl({"reference"}).out, HasSubstr("# "));
}

// ---- completion

class CompletionTest : public ::testing::TestWithParam<const char*> {};

TEST_P(CompletionTest, HasEveryCommandAndOption) {
  std::string script = labctl({"completion", GetParam()}).out;
  for (const CommandModel& command : all_commands()) {
    EXPECT_THAT(script, HasSubstr("    " + command.name + ")")) << command.name;
    for (const OptionModel& option : command.options) {
      for (const std::string& name : option.names) EXPECT_THAT(script, HasSubstr(name));
    }
  }
}

TEST_P(CompletionTest, IsAScriptOfItsShell) {
  std::string shell = GetParam();
  if (base::run_command({"sh", "-c", "command -v " + shell}).exit_code != 0)
    GTEST_SKIP() << shell << " is not installed";
  base::RunResult result = base::run_command({shell, "-n"}, labctl({"completion", shell}).out);
  EXPECT_EQ(result.exit_code, 0) << result.error_output;
}

INSTANTIATE_TEST_SUITE_P(Shells, CompletionTest, ::testing::Values("bash", "zsh"));

// Bash's own completion functions, driven as readline would.
std::vector<std::string> completions_of(const std::string& line) {
  std::string script = labctl({"completion", "bash"}).out +
                       "\ncompopt() { :; }\nlabctl() { case \"$2 $3\" in 'labs ') echo web ;; 'nodes web') printf "
                       "'rs1\\nrs2\\n' ;; 'targets web') printf 'rs1\\nproxy@rs1\\n' ;; 'places web:') printf "
                       "'web:rs1:\\nweb:rs2:\\n' ;; esac; }\n"
                       "COMP_WORDBREAKS=$' \\t\\n:='; COMP_LINE='" +
                       line + "'; COMP_POINT=${#COMP_LINE}; _labctl; printf '%s\\n' \"${COMPREPLY[@]}\"";
  base::RunResult result = base::run_command({"bash", "-c", script});
  EXPECT_EQ(result.error_output, "");
  std::istringstream lines(result.output);
  std::vector<std::string> words;
  for (std::string word; std::getline(lines, word);) words.push_back(word);
  return words;
}

TEST(BashCompletion, OffersWhatFits) {
  using ::testing::Contains;
  using ::testing::ElementsAre;
  EXPECT_THAT(completions_of("labctl re"), ElementsAre("restart", "reference"));
  EXPECT_THAT(completions_of("labctl exec "), ElementsAre("web"));
  EXPECT_THAT(completions_of("labctl exec web "), ElementsAre("rs1", "rs2"));
  EXPECT_THAT(completions_of("labctl graph we"), Contains("web"));
  EXPECT_THAT(completions_of("labctl exec --env A=1 web rs2"), ElementsAre("rs2"));
  EXPECT_THAT(completions_of("labctl kill web p"), ElementsAre("proxy@rs1"));
  EXPECT_THAT(completions_of("labctl up --ke"), ElementsAre("--kernel"));
  EXPECT_THAT(completions_of("labctl up --kernel u"), ElementsAre("uml"));
  EXPECT_THAT(completions_of("labctl completion z"), ElementsAre("zsh"));
  EXPECT_THAT(completions_of("labctl cp web:"), ElementsAre("rs1:", "rs2:"));
  EXPECT_THAT(completions_of("labctl exec web rs1 -- prin"), Contains("printf"));
  EXPECT_THAT(completions_of("labctl ps web x"), ElementsAre(""));
}

}  // namespace
}  // namespace commands
