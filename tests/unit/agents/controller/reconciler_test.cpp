#include "agents/controller/reconciler.h"

#include <boost/asio/io_context.hpp>
#include <sstream>

#include "lib/base/http.h"
#include "tests/unit/agents/controller/builders.h"

namespace controller {
namespace {

namespace http = base::http;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using namespace std::chrono_literals;

// A server that says what the test wants, and a cache that shows what the test lets it see.
class ReconcilerTest : public ::testing::Test {
 protected:
  ReconcilerTest() {
    uint16_t port = server_.listen(http::Endpoint::tcp("127.0.0.1", 0));
    client_ = std::make_unique<kube::Client>(loop_, "http://127.0.0.1:" + std::to_string(port), "test");
    reconciler_ = std::make_unique<Reconciler>(
        *client_,
        [this](const kube::Resource&, const std::string& key) -> const Object* {
          auto found = cache_.find(key);
          return found == cache_.end() ? nullptr : &found->second;
        },
        log_);
    reconciler_->add("set", [this](const std::string& key) {
      decided_.push_back(key);
      return decision_ ? decision_(key) : Decision();
    });
    reconciler_->release();
  }

  void answer(std::shared_ptr<http::Exchange> exchange) {
    const http::Request& request = exchange->request();
    if (request.path.ends_with("/events")) {
      events_.push_back(kube::text_at(parse(request.body), "message"));
      return exchange->respond({201, "{}", "application/json", {}});
    }
    requests_.push_back(request.method + " " + request.path);
    bodies_.push_back(request.body);
    exchange->respond(answer_ ? answer_() : http::Response{200, version(7), "application/json", {}});
  }

  static std::string version(int number) {
    return R"({"kind":"ReplicaSet","metadata":{"name":"a","resourceVersion":")" + std::to_string(number) + R"("}})";
  }
  static http::Response refusal(int status, const std::string& reason) {
    return {status,
            R"({"kind":"Status","message":"refused: )" + reason + R"(","reason":")" + reason + R"("})",
            "application/json",
            {}};
  }
  static Change scale() {
    return patch(kube::resources::replica_sets, metadata("a"), {{"spec", Object{{"replicas", 2}}}}, "scale a");
  }
  static Decision once(Change change) {
    Decision decision;
    decision.changes.push_back(std::move(change));
    return decision;
  }

  void show(const std::string& key, const std::string& object) {
    cache_[key] = parse(object);
    reconciler_->cache_changed();
  }
  template <class Condition>
  void run_until(Condition&& condition) {
    auto deadline = std::chrono::steady_clock::now() + 10s;
    loop_.restart();
    while (!condition()) {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline);
      loop_.run_one_for(50ms);
      if (loop_.stopped()) loop_.restart();
    }
  }
  // Everything that can happen without the passing of time.
  void run_idle() {
    loop_.restart();
    loop_.run_for(20ms);
  }

  boost::asio::io_context loop_{1};
  http::Server server_{loop_, [this](std::shared_ptr<http::Exchange> exchange) { answer(exchange); }};
  std::function<http::Response()> answer_;
  std::function<Decision(const std::string&)> decision_;
  std::map<std::string, Object> cache_;
  std::vector<std::string> decided_, requests_, bodies_, events_;
  std::ostringstream log_;
  std::unique_ptr<kube::Client> client_;
  std::unique_ptr<Reconciler> reconciler_;
};

TEST_F(ReconcilerTest, DecidesOnceForAStormOfRequests) {
  for (int count = 0; count < 1000; ++count) reconciler_->request("set", "default/a");
  run_idle();
  EXPECT_THAT(decided_, ElementsAre("default/a"));
}

TEST_F(ReconcilerTest, DecidesAgainOnlyWhenTheCacheShowsWhatItHasWritten) {
  show("default/a", version(5));
  decision_ = [&](const std::string&) { return cache_["default/a"] == parse(version(5)) ? once(scale()) : Decision(); };
  reconciler_->request("set", "default/a");
  run_until([&] { return !requests_.empty(); });
  for (int count = 0; count < 10; ++count) {
    reconciler_->request("set", "default/a");
    run_idle();
  }
  show("default/a", version(6));  // somebody else's change, before ours
  run_idle();
  EXPECT_EQ(decided_.size(), 1u);
  show("default/a", version(7));
  run_idle();
  EXPECT_EQ(decided_.size(), 2u) << "it was asked for meanwhile";
  EXPECT_EQ(requests_.size(), 1u);
}

TEST_F(ReconcilerTest, ANewObjectIsAwaitedADeletedOneIsAwaitedToGo) {
  show("default/a", R"({"metadata":{"name":"a","uid":"uid-a","resourceVersion":"3"}})");
  bool removed = false;
  decision_ = [&](const std::string&) {
    if (std::exchange(removed, true)) return Decision();
    return once(remove(kube::resources::replica_sets, metadata("a"), "remove a"));
  };
  answer_ = [] { return http::Response{200, R"({"kind":"Status","status":"Success"})", "application/json", {}}; };
  reconciler_->request("set", "default/a");
  run_until([&] { return !requests_.empty(); });
  reconciler_->request("set", "default/a");
  run_idle();
  EXPECT_EQ(decided_.size(), 1u);
  EXPECT_THAT(bodies_.at(0), HasSubstr(R"("preconditions":{"uid":"uid-a"})"));
  cache_.clear();
  reconciler_->cache_changed();
  run_idle();
  EXPECT_EQ(decided_.size(), 2u);
}

TEST_F(ReconcilerTest, WritesInOrderAndStopsAtTheFirstFailure) {
  decision_ = [&](const std::string&) {
    Decision decision;
    for (const char* name : {"a", "b", "c"}) {
      decision.changes.push_back(remove(kube::resources::pods, metadata(name), "remove " + std::string(name)));
    }
    return decision;
  };
  answer_ = [&] {
    if (requests_.size() == 2) return refusal(409, "Conflict");
    return http::Response{200, R"({"kind":"Status","status":"Success"})", "application/json", {}};
  };
  reconciler_->request("set", "default/a");
  run_until([&] { return requests_.size() == 2; });
  run_idle();
  EXPECT_THAT(requests_, ElementsAre(HasSubstr("/pods/a"), HasSubstr("/pods/b")));
  EXPECT_THAT(log_.str(), Not(HasSubstr("Conflict"))) << "somebody was faster: that is no news";
  run_until([&] { return requests_.size() >= 5; });
  EXPECT_THAT(requests_[2], HasSubstr("/pods/a")) << "it starts over";
}

TEST_F(ReconcilerTest, AnIndependentChangeIsMadeThoughAnotherFails) {
  decision_ = [&](const std::string&) {
    Decision decision;
    decision.independent = true;
    for (const char* name : {"a", "b"}) {
      decision.changes.push_back(remove(kube::resources::pods, metadata(name), "remove " + std::string(name)));
    }
    return decision;
  };
  answer_ = [&] { return refusal(409, "Conflict"); };
  reconciler_->request("set", "default/a");
  run_until([&] { return requests_.size() == 4; });
  EXPECT_THAT(requests_,
              ElementsAre(HasSubstr("/pods/a"), HasSubstr("/pods/b"), HasSubstr("/pods/a"), HasSubstr("/pods/b")));
}

TEST_F(ReconcilerTest, AsksWhetherWhatAChangeNeedsIsStillThere) {
  decision_ = [&](const std::string&) {
    Change change = scale();
    change.needs = Identity{&kube::resources::deployments, "default", "web", "uid-web"};
    return once(std::move(change));
  };
  auto answers_to_get = [&](std::vector<std::string> answers) {
    requests_.clear();
    answer_ = [this, answers] {
      size_t number = std::min(requests_.size(), answers.size()) - 1;
      return http::Response{answers[number].empty() ? 404 : 200, answers[number], "application/json", {}};
    };
  };
  std::string there = R"({"metadata":{"name":"web","uid":"uid-web"}})", other = R"({"metadata":{"uid":"uid-later"}})",
              going = R"({"metadata":{"uid":"uid-web","deletionTimestamp":"2026-11-24T12:00:00Z"}})";
  answers_to_get({"", other, going, there, version(7)});
  reconciler_->request("set", "default/a");
  run_until([&] { return requests_.size() == 5; });
  std::string get = "GET /apis/apps/v1/namespaces/default/deployments/web";
  EXPECT_THAT(requests_, ElementsAre(get, get, get, get, HasSubstr("PATCH")));
}

TEST_F(ReconcilerTest, WhatIsGoneNeedNotBeDeleted) {
  decision_ = [&](const std::string&) { return once(remove(kube::resources::pods, metadata("a"), "remove a")); };
  answer_ = [] { return refusal(404, "NotFound"); };
  reconciler_->request("set", "default/a");
  run_until([&] { return !requests_.empty(); });
  loop_.restart();
  loop_.run_for(150ms);  // longer than the pause after a failure
  EXPECT_EQ(requests_.size(), 1u);
}

TEST_F(ReconcilerTest, ARefusalIsLoggedOnceAndTriedAgainMoreAndMoreRarely) {
  decision_ = [&](const std::string&) { return once(scale()); };
  answer_ = [] { return refusal(422, "Invalid"); };
  reconciler_->request("set", "default/a");
  auto start = std::chrono::steady_clock::now();
  run_until([&] { return requests_.size() == 4; });
  EXPECT_GE(std::chrono::steady_clock::now() - start, 350ms) << "50 + 100 + 200 ms";
  EXPECT_EQ(log_.str(),
            "controller: scale a: PATCH /apis/apps/v1/namespaces/default/replicasets/a: refused: Invalid\n");
}

TEST_F(ReconcilerTest, AChangeIsLoggedAndItsEventMadeOnceItIsDone) {
  decision_ = [&](const std::string&) {
    if (!requests_.empty()) return Decision();
    Change change = scale();
    change.event = event_about(kube::resources::replica_sets, metadata("a"), "test", "Normal", "Scaled", "to 2");
    return once(std::move(change));
  };
  reconciler_->request("set", "default/a");
  run_until([&] { return !events_.empty(); });
  EXPECT_EQ(log_.str(), "controller: scale a\n");
  EXPECT_THAT(events_, ElementsAre("to 2"));
}

TEST_F(ReconcilerTest, AReportIsMadeOnceUntilItHasBeenUntrueForAWhile) {
  bool true_now = true;
  decision_ = [&](const std::string&) { return true_now ? once(report("something is wrong")) : Decision(); };
  auto look = [&] {
    reconciler_->request("set", "default/a");
    run_idle();
    return log_.str();
  };
  std::string line = "controller: something is wrong\n";
  EXPECT_EQ(look(), line);
  EXPECT_EQ(look(), line);
  true_now = false;
  look();
  true_now = true;
  EXPECT_EQ(look(), line + line);
}

TEST_F(ReconcilerTest, LooksAgainWhenTheDecisionSaysSo) {
  decision_ = [&](const std::string&) {
    Decision decision;
    if (decided_.size() < 3) decision.look_again_after(10ms);
    return decision;
  };
  reconciler_->request("set", "default/a");
  run_until([&] { return decided_.size() == 3; });
  loop_.restart();
  loop_.run_for(50ms);
  EXPECT_EQ(decided_.size(), 3u);
}

TEST_F(ReconcilerTest, DecidesNothingWhileItIsHeld) {
  reconciler_->hold();
  reconciler_->request("set", "default/a");
  run_idle();
  EXPECT_TRUE(decided_.empty());
  reconciler_->release();
  EXPECT_EQ(decided_.size(), 1u);
}

TEST_F(ReconcilerTest, ManyTasksThatHaveNothingToDoAreNoBurden) {
  for (int number = 0; number < 100'000; ++number) reconciler_->request("set", std::to_string(number));
  run_until([&] { return decided_.size() == 100'000; });
}

TEST_F(ReconcilerTest, MayGoWhileAWriteIsUnderWay) {
  decision_ = [&](const std::string&) { return once(scale()); };
  reconciler_->request("set", "default/a");
  run_until([&] { return !requests_.empty(); });
  reconciler_.reset();
  run_idle();
}

}  // namespace
}  // namespace controller
