// The commands against a lab of the tests' own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lib/base/file_descriptor.h"
#include "tests/unit/labctl/commands/command_line.h"
#include "tests/unit/labctl/lab/fake_lab.h"

namespace commands {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class LabCommandsTest : public ::testing::Test {
 protected:
  fake::RuntimeDirectory directory_;
  fake::Lab lab_;
};

TEST(WithoutLabs, PsSaysSo) {
  fake::RuntimeDirectory directory;
  EXPECT_EQ(labctl({"ps"}).out, "no lab is running; labctl up FILE starts one\n");
  EXPECT_EQ(labctl({"ps", "--json"}).out, "{\"labs\":[]}\n");
  Outcome down = labctl({"down", "--all"});
  EXPECT_EQ(down.exit_code, 0);
  EXPECT_EQ(down.out, "");
}

TEST_F(LabCommandsTest, PsListsLabs) {
  std::string out = labctl({"ps"}).out;
  EXPECT_THAT(out, HasSubstr("LAB   STATE  AGE"));
  EXPECT_THAT(out, ::testing::ContainsRegex("fake  ready  [0-9]+ d +Linux 6.1  /x/fake.yaml"));
  boost::json::value all = boost::json::parse(labctl({"ps", "--json"}).out);
  EXPECT_EQ(all.at("labs").at(0).at("folder"), boost::json::string(lab_.folder().path.string()));
  EXPECT_EQ(all.at("labs").at(0).at("pid"), lab_.pid());
}

TEST_F(LabCommandsTest, PsShowsALab) {
  EXPECT_EQ(labctl({"ps", "fake"}).out,
            "lab fake, ready, on Linux 6.1 (host): it serves all\n"
            "API server: http://192.168.1.1:8080\n"
            "\n"
            "NODE           STATE    ON  ADDRESSES\n"
            "a              running      lan 192.168.1.1/24\n"
            "default/web-1  running  a\n"
            "\n"
            "PROCESS  STATE                 RESTARTS  COMMAND\n"
            "web@a    exited (exit code 3)  2         echo --http 80\n");
  boost::json::value all = boost::json::parse(labctl({"ps", "fake", "--json"}).out);
  EXPECT_EQ(all.at("nodes").as_array().size(), 2u);
  EXPECT_EQ(all.at("processes").at(0).at("name"), "web@a");
}

TEST_F(LabCommandsTest, GraphShowsALabAsItIs) {
  lab_.answers["GET /v1/topology"] = fake::answer(200, R"({"path": "/x/fake.yaml", "text":
    "version: 1\nname: wire\nnetworks: {lan: {subnet: 192.168.1.0/24}}\nnodes: {a: {links: {lan: 192.168.1.1}}}\n"})");
  lab_.answers["GET /v1/faults"] = fake::answer(200, R"({"faults": []})");
  std::string out = labctl({"graph", "fake"}).out;
  EXPECT_THAT(out, HasSubstr("title: \"fake\""));
  EXPECT_THAT(out, HasSubstr("pod default/web-1"));
}

TEST_F(LabCommandsTest, PsListsALabThatDoesNotAnswerWell) {
  lab_.answers["GET /v1/lab"] = fake::answer(500, R"({"error": "out of order"})");
  EXPECT_THAT(labctl({"ps"}).out, HasSubstr("not answering"));
}

TEST_F(LabCommandsTest, KillAndRestartTellNodesFromProcesses) {
  EXPECT_EQ(labctl({"kill", "fake", "a"}).exit_code, 0);
  EXPECT_EQ(labctl({"kill", "fake", "web-1"}).exit_code, 0);
  EXPECT_EQ(labctl({"kill", "fake", "web@a"}).exit_code, 0);
  EXPECT_EQ(labctl({"kill", "fake", "web@a", "-s", "sighup"}).exit_code, 0);
  EXPECT_EQ(labctl({"kill", "fake", "web@a", "--signal", "19"}).exit_code, 0);
  EXPECT_EQ(labctl({"restart", "fake", "a"}).exit_code, 0);
  EXPECT_EQ(labctl({"restart", "fake", "web@a"}).exit_code, 0);
  std::vector<std::string> told;
  for (const std::string& request : lab_.requests()) {
    if (request.starts_with("POST")) told.push_back(request);
  }
  EXPECT_THAT(told, ElementsAre("POST /v1/nodes/a/kill {}", "POST /v1/nodes/web-1/kill {}",
                                "POST /v1/processes/web%40a/signal {\"signal\":9}",
                                "POST /v1/processes/web%40a/signal {\"signal\":1}",
                                "POST /v1/processes/web%40a/signal {\"signal\":19}", "POST /v1/nodes/a/restart {}",
                                "POST /v1/processes/web%40a/restart {}"));
  EXPECT_EQ(labctl({"kill", "fake", "web@a", "-s", "NOSUCH"}).exit_code, kBadInput);
  EXPECT_EQ(labctl({"kill", "fake", "a", "-s", "TERM"}).exit_code, kBadInput);
}

TEST_F(LabCommandsTest, AMisspeltNodeIsMended) {
  Outcome outcome = labctl({"kill", "fake", "default/web-2"});
  EXPECT_EQ(outcome.exit_code, kFailed);
  EXPECT_THAT(outcome.err, HasSubstr("did you mean \"default/web-1\"?"));
}

TEST_F(LabCommandsTest, AMisspeltProcessIsMended) {
  for (const char* command : {"kill", "restart", "logs"}) {
    Outcome outcome = labctl({command, "fake", "wbe@a"});
    EXPECT_EQ(outcome.exit_code, kFailed) << command;
    EXPECT_THAT(outcome.err, HasSubstr("did you mean \"web@a\"?")) << command;
  }
  EXPECT_THAT(labctl({"logs", "fake", "a"}).err, HasSubstr("no pod or process \"a\""));
}

TEST_F(LabCommandsTest, DownEndsThoseThatThereAre) {
  Outcome outcome = labctl({"down", "nosuch", "fake"});
  EXPECT_EQ(outcome.exit_code, kFailed);
  EXPECT_THAT(outcome.err, HasSubstr("no lab nosuch is running"));
  EXPECT_EQ(outcome.out, "lab fake has ended\n");
}

TEST_F(LabCommandsTest, LogsAreForPeopleOrScripts) {
  std::string event = R"({"time":"2026-01-31T12:00:00.123Z","node":"ds","kind":"killed","message":"node ds"})";
  lab_.answers["GET /v1/events"] = fake::answer(200, event + "\n");
  EXPECT_EQ(labctl({"logs", "fake"}).out, "2026-01-31T12:00:00.123Z ds killed: node ds\n");
  EXPECT_EQ(labctl({"logs", "fake", "--json"}).out, event + "\n");
  lab_.answers["GET /v1/processes/web%40a/log"] = fake::answer(200, "one\n\x1b[2Jtwo");
  EXPECT_EQ(labctl({"logs", "fake", "web@a"}).out, "one\n\\x1b[2Jtwo\n");
  EXPECT_EQ(labctl({"logs", "fake", "web@a", "--json"}).out, "{\"line\":\"one\"}\n{\"line\":\"\\u001b[2Jtwo\"}\n");
  lab_.answers["GET /v1/pods/default%2Fweb-1/log?follow=1"] = fake::answer(200, "pod\n");
  EXPECT_EQ(labctl({"logs", "fake", "default/web-1", "-f"}).out, "pod\n");
}

TEST_F(LabCommandsTest, ADeadLabsOwnLogIsStillThere) {
  lab_.die();
  EXPECT_EQ(labctl({"logs", "fake", "--lab", "-f"}).out, "the first line\nthe last line\n");
  Outcome outcome = labctl({"logs", "fake"});
  EXPECT_EQ(outcome.exit_code, kFailed);
  EXPECT_EQ(outcome.err,
            "labctl: lab fake has ended; the last it said (all of it: labctl logs fake --lab):\n  the first line\n  "
            "the last line\n");
}

TEST_F(LabCommandsTest, DownEndsLabsAndRemovesWhatDeadOnesLeft) {
  EXPECT_EQ(labctl({"down", "fake"}).out, "lab fake has ended\n");
  EXPECT_FALSE(std::filesystem::exists(lab_.folder().path));
  {
    fake::Lab dead("dead");
    dead.die();
    EXPECT_EQ(labctl({"down", "dead"}).out, "lab dead had ended already\n");
    EXPECT_FALSE(std::filesystem::exists(dead.folder().path));
  }
  EXPECT_EQ(labctl({"down", "fake"}).exit_code, kFailed);
}

TEST_F(LabCommandsTest, ExecPassesOutputsAndExitCodesOn) {
  lab_.on_websocket = fake::run_here;
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  Outcome outcome = labctl({"exec", "fake", "a", "-n", "--", "sh", "-c", "echo out; echo err >&2; exit 9"});
  EXPECT_EQ(::testing::internal::GetCapturedStdout(), "out\n");
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "err\n");
  EXPECT_EQ(outcome.exit_code, 9);
}

TEST_F(LabCommandsTest, ExecAsksForWhatTheOptionsSay) {
  std::string first;
  lab_.on_websocket = [&](fake::Socket socket, const base::http::Request&) {
    socket->on_message([&first, socket](const std::string& data, bool binary) {
      if (binary) return;
      first = data;
      socket->send_binary(fake::status({{"exit", 0}}));
    });
    socket->resume();
  };
  Outcome outcome =
      labctl({"exec", "fake", "a", "-n", "-e", "A=1", "--env", "B=x=y", "--cwd", "/tmp", "ls", "-e", "-l"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(boost::json::parse(first), boost::json::parse(R"({"node": "a", "argv": ["ls", "-e", "-l"], "tty": false,
      "cwd": "/tmp", "env": {"A": "1", "B": "x=y"}})"));
  labctl({"exec", "fake", "a", "-n"});
  EXPECT_THAT(first, HasSubstr("\"argv\":[\"sh\",\"-c\","));
  labctl({"exec", "fake", "a", "-n", "-t", "true"});
  EXPECT_THAT(first, HasSubstr("\"tty\":true"));
  EXPECT_EQ(labctl({"exec", "fake", "a", "-e", "A", "true"}).exit_code, kBadInput);
}

TEST_F(LabCommandsTest, ExecTellsAMissingCommandFromAMissingNode) {
  lab_.on_websocket = [](fake::Socket socket, const base::http::Request&) {
    socket->send_binary(fake::status({{"error", "node a: run nosuch: No such file or directory"}}));
    socket->resume();
  };
  Outcome command = labctl({"exec", "fake", "a", "-n", "nosuch"}), node = labctl({"exec", "fake", "b", "-n", "true"});
  EXPECT_EQ(command.exit_code, kNotFound);
  EXPECT_EQ(command.err, "labctl: node a: run nosuch: No such file or directory\n");
  EXPECT_EQ(node.exit_code, kLabctlFailed);
  EXPECT_THAT(node.err, HasSubstr("has no node or pod \"b\""));
}

TEST_F(LabCommandsTest, FaultBreaksAndMends) {
  lab_.answers["POST /v1/faults"] = fake::answer(200, R"({"id": 3, "what": "link a:lan is down"})");
  lab_.answers["DELETE /v1/faults/3"] = lab_.answers["DELETE /v1/faults"] = fake::answer(200, "{}");
  auto asked = [&](const std::vector<std::string>& words) {
    std::vector<std::string> arguments{"fault", "fake"};
    arguments.insert(arguments.end(), words.begin(), words.end());
    Outcome outcome = labctl(arguments);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    return lab_.requests().back();
  };
  EXPECT_EQ(asked({"link-down", "a:lan", "--for", "10s"}),
            R"(POST /v1/faults {"fault":{"linkDown":"a:lan"},"for":"10s"})");
  EXPECT_EQ(asked({"link-up", "a:lan"}), R"(POST /v1/faults {"fault":{"linkUp":"a:lan"}})");
  EXPECT_EQ(asked({"pause", "a"}), R"(POST /v1/faults {"fault":{"pause":{"node":"a"}}})");
  EXPECT_EQ(asked({"resume", "web@a"}), R"(POST /v1/faults {"fault":{"resume":{"process":"web@a"}}})");
  EXPECT_EQ(asked({"kill", "default/web-1"}), R"(POST /v1/faults {"fault":{"kill":{"pod":"default/web-1"}}})");
  EXPECT_EQ(asked({"partition", "a,b", "c", "--network", "lan"}),
            R"(POST /v1/faults {"fault":{"partition":{"groups":[["a","b"],["c"]],"networks":["lan"]}}})");
  EXPECT_EQ(asked({"impair", "a:lan", "--delay", "100ms", "--loss", "10%"}),
            R"(POST /v1/faults {"fault":{"impair":{"link":"a:lan","impairment":{"delay":"100ms","loss":"10%"}}}})");
  EXPECT_EQ(asked({"heal", "3"}), "DELETE /v1/faults/3");
  EXPECT_EQ(asked({"heal", "all"}), "DELETE /v1/faults");
  EXPECT_EQ(asked({"heal"}), "DELETE /v1/faults");
  EXPECT_EQ(labctl({"fault", "fake", "link-down", "a:lan"}).out, "3: link a:lan is down\n");
}

TEST_F(LabCommandsTest, FaultListsThoseThatAreOn) {
  lab_.answers["GET /v1/faults"] = fake::answer(200, R"({"faults": []})");
  EXPECT_EQ(labctl({"fault", "fake"}).out, "no fault is on\n");
  lab_.answers["GET /v1/faults"] =
      fake::answer(200, R"({"faults": [{"id": 3, "what": "node a is paused", "since": "2026-01-31T12:00:00.123Z"}]})");
  EXPECT_THAT(labctl({"fault", "fake"}).out, ::testing::ContainsRegex("3 +node a is paused +[0-9]+ d"));
  EXPECT_EQ(boost::json::parse(labctl({"fault", "fake", "--json"}).out).at("faults").as_array().size(), 1u);
}

TEST_F(LabCommandsTest, FaultRefusesWhatIsNoFault) {
  EXPECT_THAT(labctl({"fault", "fake", "pause", "b"}).err, HasSubstr("has no node or pod \"b\""));
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{{"brake"},
                                                                                     {"pause"},
                                                                                     {"pause", "a", "b"},
                                                                                     {"partition", "a"},
                                                                                     {"heal", "x"},
                                                                                     {"pause", "a", "--for", "x"},
                                                                                     {"pause", "a", "--network", "lan"},
                                                                                     {"impair", "a:lan"},
                                                                                     {"heal", "--for", "3s"},
                                                                                     {"pause", "a", "--delay", "1s"}}) {
    std::vector<std::string> arguments{"fault", "fake"};
    arguments.insert(arguments.end(), words.begin(), words.end());
    EXPECT_EQ(labctl(arguments).exit_code, kBadInput) << words.front();
  }
  Outcome no_share = labctl({"fault", "fake", "impair", "a:lan", "--jitter", "10ms", "--loss", "10"});
  EXPECT_EQ(no_share.exit_code, kBadInput);
  EXPECT_THAT(no_share.err, HasSubstr("--loss: "));
  EXPECT_THAT(no_share.err, HasSubstr("did you mean 10%?"));
}

TEST_F(LabCommandsTest, CompletionKnowsTheNames) {
  EXPECT_EQ(labctl({"__complete", "labs"}).out, "fake\n");
  EXPECT_EQ(labctl({"__complete", "nodes", "fake"}).out, "a\ndefault/web-1\n");
  EXPECT_EQ(labctl({"__complete", "targets", "fake"}).out, "a\ndefault/web-1\nweb@a\n");
  EXPECT_EQ(labctl({"__complete", "faulty", "fake"}).out, "a\ndefault/web-1\na:lan\nweb@a\n");
  EXPECT_EQ(labctl({"__complete", "places", "fa"}).out, "fake:\n");
  EXPECT_EQ(labctl({"__complete", "places", "fake:"}).out, "fake:a:\nfake:default/web-1:\n");
  Outcome none = labctl({"__complete", "nodes", "nosuch"});
  EXPECT_EQ(none.exit_code, 0);
  EXPECT_EQ(none.out + none.err, "");
}

}  // namespace
}  // namespace commands
