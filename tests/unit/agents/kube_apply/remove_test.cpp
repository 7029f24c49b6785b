#include "agents/kube_apply/remove.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <sstream>
#include <thread>

#include "agents/kube_apply/apply.h"
#include "lib/base/error.h"
#include "tests/unit/agents/real_api_server.h"

namespace kube_apply {
namespace {

class RemoveTest : public ::testing::Test {
 protected:
  RemoveTest() : server_(loop_), session_(server_.url(), Clock::now() + std::chrono::seconds(20)) {
    thread_ = std::thread([this] {
      auto work = boost::asio::make_work_guard(loop_);
      loop_.run();
    });
  }
  ~RemoveTest() override {
    loop_.stop();
    thread_.join();
  }

  static kube::Object named(const std::string& name) {
    return boost::json::parse(R"({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": ")" + name + "\"}}")
        .as_object();
  }

  boost::asio::io_context loop_;
  RealApiServer server_;
  Session session_;
  std::thread thread_;
  std::ostringstream progress_;
};

TEST_F(RemoveTest, RemovesWhatIsThereAndMindsNotWhatIsGone) {
  apply(session_, {named("one"), named("two")}, progress_);
  progress_.str("");
  remove(session_, {named("one"), named("gone")}, progress_);
  EXPECT_EQ(progress_.str(), "ConfigMap gone is gone already\nConfigMap one removed\n");
  EXPECT_EQ(session_.call("GET", "/api/v1/namespaces/default/configmaps/one").status, 404);
  EXPECT_EQ(session_.call("GET", "/api/v1/namespaces/default/configmaps/two").status, 200);
}

TEST_F(RemoveTest, SaysWhatTheServerDoesNotHave) {
  kube::Object unknown = named("x");
  unknown["kind"] = "Gadget";
  EXPECT_THROW(remove(session_, {unknown}, progress_), base::Error);
}

}  // namespace
}  // namespace kube_apply
