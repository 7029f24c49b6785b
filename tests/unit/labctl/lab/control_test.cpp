#include "labctl/lab/control.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "tests/unit/labctl/lab/fake_lab.h"

namespace lab {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ControlTest : public ::testing::Test {
 protected:
  template <class Function>
  std::string error_of(Function function) {
    try {
      function();
    } catch (const base::Error& error) {
      return error.what();
    }
    return {};
  }

  fake::RuntimeDirectory directory_;
  fake::Lab lab_;
  Control control_{lab_.folder()};
};

TEST_F(ControlTest, CallsAreTheApis) {
  EXPECT_EQ(control_.lab().at("state"), "ready");
  EXPECT_EQ(control_.nodes().size(), 2u);
  EXPECT_EQ(control_.processes().size(), 1u);
  control_.kill_node("default/web-1");
  control_.restart_node("a");
  control_.restart_process("web@a");
  control_.signal_process("web@a", 15);
  EXPECT_THAT(lab_.requests(),
              ElementsAre("GET /v1/lab", "GET /v1/nodes", "GET /v1/processes", "POST /v1/nodes/default%2Fweb-1/kill {}",
                          "POST /v1/nodes/a/restart {}", "POST /v1/processes/web%40a/restart {}",
                          "POST /v1/processes/web%40a/signal {\"signal\":15}"));
}

TEST_F(ControlTest, FaultsAreTheApis) {
  lab_.answers["POST /v1/faults"] = fake::answer(200, R"({"id": 3})");
  lab_.answers["GET /v1/faults"] = fake::answer(200, R"({"faults": [{"id": 3}]})");
  lab_.answers["DELETE /v1/faults/3"] = lab_.answers["DELETE /v1/faults"] = fake::answer(200, "{}");
  EXPECT_EQ(control_.inject({{"linkDown", "a:lan"}}, "10s").at("id"), 3);
  EXPECT_EQ(control_.faults().size(), 1u);
  control_.heal(3);
  control_.heal_all();
  EXPECT_THAT(lab_.requests(), ElementsAre(R"(POST /v1/faults {"fault":{"linkDown":"a:lan"},"for":"10s"})",
                                           "GET /v1/faults", "DELETE /v1/faults/3", "DELETE /v1/faults"));
}

TEST_F(ControlTest, ARefusalIsInTheSupervisorsWords) {
  lab_.answers["POST /v1/nodes/a/kill"] = fake::answer(409, R"({"error": "node a: the kernel would not"})");
  EXPECT_EQ(error_of([&] { control_.kill_node("a"); }), "node a: the kernel would not");
  EXPECT_EQ(error_of([&] { control_.get("/v1/nothing"); }), "no such thing in this lab");
}

TEST_F(ControlTest, ADeadLabSaysWhyItIsDead) {
  lab_.die();
  for (const std::string& error :
       {error_of([&] { control_.lab(); }), error_of([&] {
          control_.run({"a", {"true"}, {}, {}, {}});
        }),
        error_of([&] { control_.stream("/v1/events", [](std::string_view) { return true; }); })}) {
    EXPECT_THAT(error, HasSubstr("lab fake has ended; the last it said:"));
    EXPECT_THAT(error, HasSubstr("the last line"));
  }
}

TEST_F(ControlTest, AStreamGoesOnUntilNobodyWantsIt) {
  lab_.answers["GET /v1/events"] = fake::answer(200, "one\ntwo\n");
  std::string all;
  control_.stream("/v1/events", [&](std::string_view data) { return all.append(data), true; });
  EXPECT_EQ(all, "one\ntwo\n");
  EXPECT_EQ(error_of([&] { control_.stream("/v1/nothing", [](std::string_view) { return true; }); }),
            "no such thing in this lab");
}

TEST_F(ControlTest, ACommandHasItsInputAndGivesItsOutputs) {
  lab_.on_websocket = fake::run_here;
  CommandResult result = control_.run({"a", {"sh", "-c", "cat; echo bad >&2; exit 7"}, {}, "in\n", {}});
  EXPECT_EQ(result.output, "in\n");
  EXPECT_EQ(result.error_output, "bad\n");
  EXPECT_EQ(result.exit_code, 7);
  EXPECT_FALSE(result.timed_out);
}

// A scenario makes thousands of calls.
TEST_F(ControlTest, ACallLeavesNoDescriptorBehind) {
  lab_.on_websocket = [](fake::Socket socket, const base::http::Request&) {
    socket->send_binary(fake::status({{"exit", 0}}));
    socket->resume();
  };
  auto open_descriptors = [] {
    return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), std::filesystem::directory_iterator());
  };
  control_.run({"a", {"true"}, {}, {}, {}});
  control_.lab();
  auto before = open_descriptors();  // the fake lab's own, which come and go, are among them
  for (int i = 0; i < 50; ++i) {
    control_.run({"a", {"true"}, {}, {}, {}});
    control_.lab();
  }
  EXPECT_LT(open_descriptors(), before + 10);
}

TEST_F(ControlTest, ALargeInputArrivesWhole) {
  lab_.on_websocket = fake::run_here;
  std::string input;
  for (int i = 0; input.size() < (3u << 20); ++i) input += std::to_string(i) + "\n";
  EXPECT_EQ(control_.run({"a", {"cat"}, {}, input, {}}).output, input);
}

TEST_F(ControlTest, TheRequestSaysWhatToRun) {
  std::string first;
  lab_.on_websocket = [&](fake::Socket socket, const base::http::Request&) {
    socket->on_message([&first, socket](std::string data, bool binary) {
      if (binary) return;
      first = data;
      socket->send_binary(fake::status({{"signal", 9}}));
    });
    socket->resume();
  };
  EXPECT_EQ(control_.run({"default/web-1", {"a", "b c"}, {{"X", "1"}}, {}, {}}).exit_code, 137);
  EXPECT_EQ(boost::json::parse(first), boost::json::parse(R"({"node": "default/web-1", "argv": ["a", "b c"],
      "tty": false, "cwd": "/", "env": {"X": "1"}})"));
}

TEST_F(ControlTest, WhatCannotBeStartedIsAnError) {
  lab_.on_websocket = [](fake::Socket socket, const base::http::Request&) {
    socket->send_binary(fake::status({{"error", "run nosuch: No such file or directory"}}));
    socket->resume();
  };
  EXPECT_EQ(error_of([&] { control_.run({"a", {"nosuch"}, {}, {}, {}}); }), "run nosuch: No such file or directory");
}

TEST_F(ControlTest, ACommandThatTakesTooLongIsKilled) {
  std::string signal;
  lab_.on_websocket = [&](fake::Socket socket, const base::http::Request&) {
    socket->on_message([&signal, socket](const std::string& data, bool binary) {
      if (!binary || data.at(0) != 5) return;
      signal = data.substr(1);
      socket->send_binary(fake::status({{"signal", 9}}));
    });
    socket->resume();
  };
  Command command{"a", {"sleep", "100"}, {}, "", 20ms};
  CommandResult result = control_.run(command);
  EXPECT_TRUE(result.timed_out);
  EXPECT_EQ(result.exit_code, 137);
  EXPECT_EQ(signal, "{\"signal\":9}");
}

TEST_F(ControlTest, ALabThatDiesEndsACommand) {
  std::promise<void> runs;
  lab_.on_websocket = [&](fake::Socket socket, const base::http::Request&) {
    socket->resume();
    runs.set_value();
  };
  std::thread death([&] {
    runs.get_future().wait();
    lab_.die();
  });
  EXPECT_THAT(error_of([&] { control_.run({"a", {"sleep", "100"}, {}, {}, {}}); }), HasSubstr("lab fake has ended"));
  death.join();
}

}  // namespace
}  // namespace lab
