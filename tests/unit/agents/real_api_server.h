// The API server itself, on a port of the loopback, for tests of the agents that talk to it. What it holds can be lost,
// and it can be gone for a while.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/json/parse.hpp>
#include <memory>
#include <string>

#include "agents/apiserver/api.h"
#include "agents/apiserver/kind.h"
#include "agents/apiserver/registry.h"
#include "agents/apiserver/store.h"
#include "lib/base/http.h"
#include "lib/kube/objects.h"
#include "tests/unit/agents/event_loop.h"

class RealApiServer {
 public:
  explicit RealApiServer(boost::asio::io_context& loop) : loop_(loop) { start(); }

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

  void stop() { server_.reset(); }
  // Comes back on the same port, with what it held, or with nothing.
  void start() {
    server_ = std::make_unique<base::http::Server>(
        loop_, [this](std::shared_ptr<base::http::Exchange> exchange) { state_->api.handle(exchange); });
    port_ = server_->listen(base::http::Endpoint::tcp("127.0.0.1", port_));
  }
  void lose_everything() {
    stop();
    auto lost = std::move(state_);
    state_ = std::make_unique<State>(loop_);
    start();
  }

  // COLLECTION: "pods", "nodes", "leases.coordination.k8s.io"; KEY: "default/web". Null where there is none.
  const kube::Object* find(const std::string& collection, const std::string& key) const {
    auto object = state_->store.get(collection, key);
    return object ? object.get() : nullptr;
  }
  kube::Object at(const std::string& collection, const std::string& key) const {
    const kube::Object* object = find(collection, key);
    return object == nullptr ? kube::Object() : *object;
  }
  std::vector<kube::Object> list(const std::string& collection) const {
    std::vector<kube::Object> objects;
    for (const auto& [key, object] : state_->store.list(collection)) objects.push_back(*object);
    return objects;
  }
  void create(const std::string& collection, const std::string& text) {
    kube::Object object = boost::json::parse(text).as_object();
    state_->registry.create(target(collection, object), object);
  }
  void patch(const std::string& collection, const std::string& key, const std::string& patch,
             const std::string& subresource = {}) {
    bool created = false;
    state_->registry.patch(target(collection, key, subresource), kube::PatchType::strategic_merge,
                           boost::json::parse(patch), false, created);
  }
  void remove(const std::string& collection, const std::string& key, std::optional<int64_t> grace_seconds = {}) {
    apiserver::DeleteOptions options;
    options.grace_seconds = grace_seconds;
    state_->registry.remove(target(collection, key), options);
  }

 private:
  struct State {
    explicit State(boost::asio::io_context& loop) : api(loop, registry, store, nullptr) {
      registry.create_defaults("127.0.0.1", 8080);
    }
    apiserver::Store store;
    apiserver::Registry registry{store, {apiserver::AddressRange("10.108.0.0/16"), apiserver::PortRange{30000, 32767}}};
    apiserver::Api api;
  };

  static apiserver::Target target(const std::string& collection, const kube::Object& object) {
    const apiserver::Kind& kind = apiserver::kind_of_collection(collection);
    std::string namespace_name = kube::text_at(object, "metadata.namespace", "default");
    return {&kind, kind.resource.namespaced ? namespace_name : "", {}, {}};
  }
  static apiserver::Target target(const std::string& collection, const std::string& key,
                                  const std::string& subresource = {}) {
    const apiserver::Kind& kind = apiserver::kind_of_collection(collection);
    size_t slash = key.find('/');
    if (slash == std::string::npos) return {&kind, {}, key, subresource};
    return {&kind, key.substr(0, slash), key.substr(slash + 1), subresource};
  }

  boost::asio::io_context& loop_;
  std::unique_ptr<State> state_ = std::make_unique<State>(loop_);
  std::unique_ptr<base::http::Server> server_;
  uint16_t port_ = 0;
};
