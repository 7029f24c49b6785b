#include "lib/kube/informer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

namespace kube {
namespace {

namespace http = base::http;
using ::testing::ElementsAre;
using namespace std::chrono_literals;

Object pod(const std::string& name, int version) {
  return {{"metadata", Object{{"name", name}, {"namespace", "d"}, {"resourceVersion", std::to_string(version)}}}};
}

// A server that says what the test wants, and an informer whose reports are noted down.
class InformerTest : public ::testing::Test {
 protected:
  InformerTest() { start_server(0); }

  void start_server(uint16_t port) {
    server_ = std::make_unique<http::Server>(loop_, [this](std::shared_ptr<http::Exchange> e) { handle(e); });
    port_ = server_->listen(http::Endpoint::tcp("127.0.0.1", port));
  }

  void handle(std::shared_ptr<http::Exchange> exchange) {
    const http::Request& request = exchange->request();
    queries_.push_back(request.query);
    if (request.parameter("watch") == "true") {
      watch_ = exchange->stream({});
      if (on_watch_) on_watch_();
      return;
    }
    boost::json::array items;
    for (const Object& object : listed_) items.push_back(object);
    Object list{{"metadata", Object{{"resourceVersion", std::to_string(list_version_)}}}, {"items", std::move(items)}};
    exchange->respond({200, boost::json::serialize(list), "application/json", {}});
  }

  void send(const char* type, const Object& object) {
    watch_->write(boost::json::serialize(Object{{"type", type}, {"object", object}}) + "\n");
  }

  void start() {
    client_ = std::make_unique<Client>(loop_, "http://127.0.0.1:" + std::to_string(port_), "test");
    informer_ = std::make_unique<Informer>(*client_, resources::pods, options_);
    informer_->start({[this] { note("synced"); },
                      [this](const Object& object, const Object* old) {
                        note((old ? "update " : "add ") + key_of(object) + "@" +
                             text_at(object, "metadata.resourceVersion"));
                      },
                      [this](const Object& last) { note("delete " + key_of(last)); },
                      [this](const std::string& reason) { note(reason.empty() ? "connected" : "lost"); }});
  }

  void note(const std::string& line) {
    notes_.push_back(line);
    if (line == stop_at_) loop_.stop();
  }

  void run_until(const std::string& line) {
    stop_at_ = line;
    loop_.restart();
    loop_.run_for(10s);
    ASSERT_EQ(notes_.empty() ? "" : notes_.back(), line);
  }

  boost::asio::io_context loop_{1};
  std::unique_ptr<http::Server> server_;
  uint16_t port_ = 0;
  std::vector<http::Query> queries_;
  std::vector<Object> listed_;
  int list_version_ = 10;
  std::shared_ptr<http::ResponseStream> watch_;
  std::function<void()> on_watch_;
  InformerOptions options_;
  std::unique_ptr<Client> client_;
  std::unique_ptr<Informer> informer_;
  std::vector<std::string> notes_;
  std::string stop_at_;
};

TEST_F(InformerTest, ListsThenFollows) {
  listed_ = {pod("a", 1), pod("b", 2)};
  options_.label_selector = "app=web";
  on_watch_ = [&] {
    send("MODIFIED", pod("a", 11));
    send("DELETED", pod("b", 12));
    send("BOOKMARK", pod("", 13));
    send("ADDED", pod("c", 14));
  };
  start();
  run_until("add d/c@14");
  EXPECT_THAT(notes_, ElementsAre("connected", "add d/a@1", "add d/b@2", "synced", "update d/a@11", "delete d/b",
                                  "add d/c@14"));
  EXPECT_EQ(queries_[0].find("labelSelector")->second, "app=web");
  EXPECT_EQ(queries_[1].find("resourceVersion")->second, "10");
  EXPECT_EQ(informer_->store().size(), 2u);
}

TEST_F(InformerTest, AfterExpiryReportsOnlyTheDifferences) {
  listed_ = {pod("a", 1), pod("b", 2), pod("c", 3)};
  int watches = 0;
  on_watch_ = [&] {
    if (++watches > 1) return;
    // What happened meanwhile is in the next list only.
    listed_ = {pod("a", 1), pod("b", 20), pod("d", 21)};
    list_version_ = 30;
    send("ERROR", {{"kind", "Status"}, {"code", 410}, {"reason", "Expired"}});
    watch_->finish();
  };
  start();
  run_until("synced");
  notes_.clear();
  run_until("synced");
  EXPECT_THAT(notes_, ElementsAre("update d/b@20", "add d/d@21", "delete d/c", "synced"));
}

TEST_F(InformerTest, IsNotSyncedBetweenAnExpiryAndTheNextList) {
  listed_ = {pod("a", 1)};
  int watches = 0;
  on_watch_ = [&] {
    if (++watches > 1) return;
    listed_ = {pod("a", 2)};
    send("ERROR", {{"kind", "Status"}, {"code", 410}});
    watch_->finish();
  };
  client_ = std::make_unique<Client>(loop_, "http://127.0.0.1:" + std::to_string(port_), "test");
  informer_ = std::make_unique<Informer>(*client_, resources::pods);
  bool synced_on_update = true;
  Informer::Callbacks callbacks;
  callbacks.on_synced = [&] { note(informer_->synced() ? "synced" : "not synced"); };
  callbacks.on_upsert = [&](const Object&, const Object* old) {
    if (old != nullptr) synced_on_update = informer_->synced();
  };
  informer_->start(callbacks);
  run_until("synced");
  run_until("synced");
  EXPECT_FALSE(synced_on_update) << "the new list was not complete yet";
}

TEST_F(InformerTest, AWatchThatEndsIsTakenUpWhereItStopped) {
  listed_ = {pod("a", 1)};
  int watches = 0;
  on_watch_ = [&] {
    if (++watches == 1) {
      send("ADDED", pod("b", 17));
      watch_->finish();
    } else {
      send("ADDED", pod("c", 18));
    }
  };
  start();
  run_until("add d/c@18");
  EXPECT_EQ(queries_.back().find("resourceVersion")->second, "17");
  EXPECT_EQ(queries_.size(), 3u) << "it listed again";
}

TEST_F(InformerTest, SurvivesTheLossOfTheServer) {
  listed_ = {pod("a", 1)};
  on_watch_ = [&] { loop_.stop(); };
  start();
  run_until("synced");
  loop_.restart();
  loop_.run_for(10s);  // until the watch stands
  uint16_t port = port_;
  server_.reset();
  run_until("lost");
  // A new server knows nothing of the old one's versions and says 410.
  int watches = 0;
  on_watch_ = [&] {
    if (++watches > 1) return;
    send("ERROR", {{"kind", "Status"}, {"code", 410}});
    watch_->finish();
  };
  listed_ = {pod("z", 2)};
  start_server(port);
  run_until("synced");
  EXPECT_THAT(notes_, ElementsAre("connected", "add d/a@1", "synced", "lost", "connected", "add d/z@2", "delete d/a",
                                  "synced"));
}

TEST_F(InformerTest, WaitsForAServerThatIsNotThereYet) {
  uint16_t port = port_;
  server_.reset();
  start();
  run_until("lost");
  listed_ = {pod("a", 1)};
  start_server(port);
  run_until("synced");
  EXPECT_THAT(notes_, ElementsAre("lost", "connected", "add d/a@1", "synced"));
}

TEST_F(InformerTest, NothingIsCalledAfterItsEnd) {
  listed_ = {pod("a", 1)};
  on_watch_ = [&] { loop_.stop(); };
  start();
  run_until("synced");
  loop_.restart();
  loop_.run_for(10s);
  notes_.clear();
  informer_.reset();
  loop_.restart();
  loop_.run_for(50ms);
  send("ADDED", pod("b", 11));
  loop_.restart();
  loop_.run_for(50ms);
  EXPECT_TRUE(notes_.empty());
}

TEST_F(InformerTest, TypedInformersParseOnceAndGiveTheOldObject) {
  listed_ = {pod("a", 1)};
  on_watch_ = [&] { send("MODIFIED", pod("a", 2)); };
  client_ = std::make_unique<Client>(loop_, "http://127.0.0.1:" + std::to_string(port_), "test");
  TypedInformer<Pod> pods(*client_);
  TypedInformer<Pod>::Callbacks callbacks;
  callbacks.on_upsert = [&](const Pod& now, const Pod* old) {
    note(now.metadata.resource_version + (old ? " after " + old->metadata.resource_version : ""));
  };
  pods.start(callbacks);
  run_until("2 after 1");
  EXPECT_EQ(pods.find("d/a")->metadata.resource_version, "2");
  EXPECT_NE(pods.raw("d/a"), nullptr);
}

}  // namespace
}  // namespace kube
