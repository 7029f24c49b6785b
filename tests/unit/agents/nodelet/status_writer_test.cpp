#include "agents/nodelet/status_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/array.hpp>

#include "tests/unit/agents/event_loop.h"
#include "tests/unit/agents/nodelet/objects.h"
#include "tests/unit/agents/real_api_server.h"

namespace nodelet {
namespace {

using namespace std::chrono_literals;

class StatusWriterTest : public testing::Test {
 protected:
  kube::Object create_pod() {
    api_.create("pods", R"({"metadata": {"name": "web"}, "spec": {"nodeName": "worker1",
      "containers": [{"name": "c", "image": "echo"}]}})");
    return api_.at("pods", "default/web");
  }
  static boost::json::object status(const std::string& ready, const std::string& since) {
    return parse(R"({"phase": "Running", "conditions": [{"type": "Ready", "status": ")" + ready +
                 R"(", "lastTransitionTime": ")" + since + "\"}]}");
  }
  std::string since() const {
    std::vector<kube::Condition> conditions = writer_.conditions();
    const kube::Condition* ready = kube::find_condition(conditions, "Ready");
    return ready == nullptr ? "never" : ready->last_transition_time;
  }
  kube::Pod pod() { return kube::Pod::parse(api_.at("pods", "default/web")); }
  bool run_until_idle() {
    return run_until(loop_, [&] { return writer_.is_idle(); });
  }

  boost::asio::io_context loop_{1};
  RealApiServer api_{loop_};
  kube::Client client_{loop_, api_.url(), "test"};
  int idle_ = 0;
  StatusWriter writer_{client_, create_pod(), [this] { ++idle_; }};
};

TEST_F(StatusWriterTest, WritesTheNewestAndTellsWhenItIsThere) {
  EXPECT_TRUE(writer_.is_idle());
  writer_.write(status("False", "2026-01-01T00:00:01Z"));
  writer_.write(status("True", "2026-01-01T00:00:02Z"));
  EXPECT_FALSE(writer_.is_idle());
  ASSERT_TRUE(run_until_idle());
  EXPECT_TRUE(pod().ready());
  EXPECT_EQ(idle_, 1);
}

// The next status is computed from the conditions of this one: one that is still on its way counts already.
TEST_F(StatusWriterTest, KnowsItsOwnConditionsBeforeTheApiServerDoes) {
  kube::Pod before = pod();
  writer_.write(status("True", "2026-01-01T00:00:01Z"));
  EXPECT_EQ(since(), "2026-01-01T00:00:01Z");
  writer_.observe(before);
  writer_.write(status("False", "2026-01-01T00:00:02Z"));
  EXPECT_EQ(since(), "2026-01-01T00:00:02Z");
  ASSERT_TRUE(run_until(loop_, [&] { return kube::find(api_.at("pods", "default/web"), "status.conditions"); }));
  writer_.observe(pod());
  EXPECT_EQ(since(), "2026-01-01T00:00:02Z") << "the answer to the first one makes the second one forgotten";
  EXPECT_TRUE(run_until_idle());
}

TEST_F(StatusWriterTest, SeesTheConditionsOfOthers) {
  writer_.write(status("True", "2026-01-01T00:00:01Z"));
  ASSERT_TRUE(run_until_idle());
  api_.patch("pods", "default/web", R"({"status": {"conditions": [{"type": "lb.example/ready", "status": "True"}]}})",
             "status");
  writer_.observe(pod());
  std::vector<kube::Condition> conditions = writer_.conditions();
  EXPECT_NE(kube::find_condition(conditions, "lb.example/ready"), nullptr);
}

TEST_F(StatusWriterTest, TriesAgainUntilTheApiServerIsBack) {
  api_.stop();
  writer_.write(status("True", "2026-01-01T00:00:01Z"));
  run_for(loop_, 150ms);
  EXPECT_FALSE(writer_.is_idle());
  api_.start();
  EXPECT_TRUE(run_until_idle());
  EXPECT_TRUE(pod().ready());
}

TEST_F(StatusWriterTest, DoesNotWriteToAnotherPodOfTheName) {
  api_.remove("pods", "default/web", 0);
  create_pod();
  writer_.write(status("True", "2026-01-01T00:00:01Z"));
  EXPECT_TRUE(run_until_idle()) << "there is nobody to tell";
  EXPECT_FALSE(pod().ready());
}

}  // namespace
}  // namespace nodelet
