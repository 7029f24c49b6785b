#include "lib/kube/informer.h"

#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <chrono>
#include <set>

namespace kube {
namespace {

namespace json = boost::json;
constexpr std::chrono::milliseconds first_pause{200};
constexpr std::chrono::milliseconds longest_pause{5000};

std::string version_of(const Object& object) {
  return text_at(object, "metadata.resourceVersion");
}

}  // namespace

class Informer::Implementation : public std::enable_shared_from_this<Implementation> {
 public:
  Implementation(Client& client, Resource resource, InformerOptions options)
      : client_(client), resource_(std::move(resource)), options_(std::move(options)), timer_(client.loop()) {}

  void start(Callbacks callbacks) {
    callbacks_ = std::move(callbacks);
    list();
  }

  void stop() {
    stopped_ = true;
    callbacks_ = {};
    timer_.cancel();
    if (watch_) watch_->cancel();
  }

  bool synced() const { return synced_; }
  const std::map<std::string, Object>& store() const { return store_; }

 private:
  ListOptions selectors() const { return {options_.label_selector, options_.field_selector}; }

  void list() {
    client_.list(resource_, options_.namespace_name, selectors(), [weak = weak_from_this()](Reply reply) {
      auto self = weak.lock();
      if (!self || self->stopped_) return;
      if (!reply.ok()) return self->retry(reply.error, &Implementation::list);
      self->report_connection({});
      self->replace(reply.body);
      if (self->stopped_) return;
      self->synced_ = true;
      if (auto callback = self->callbacks_.on_synced) callback();
      if (!self->stopped_) self->watch();
    });
  }

  void replace(Object& list) {
    resource_version_ = version_of(list);
    std::set<std::string> listed;
    json::value* items = list.if_contains("items");
    if (items != nullptr && items->is_array()) {
      for (json::value& item : items->get_array()) {
        if (!item.is_object()) continue;
        Object object = std::move(item.get_object());
        listed.insert(key_of(object));
        upsert(std::move(object));
        if (stopped_) return;
      }
    }
    std::vector<std::string> gone;
    for (const auto& [key, object] : store_) {
      if (listed.count(key) == 0) gone.push_back(key);
    }
    for (const std::string& key : gone) {
      remove(key);
      if (stopped_) return;
    }
  }

  void watch() {
    std::weak_ptr<Implementation> weak = weak_from_this();
    base::http::Client::StreamCallbacks callbacks;
    callbacks.on_head = [weak](const base::http::Response& head) {
      auto self = weak.lock();
      if (!self) return;
      self->watch_status_ = head.status;
      if (head.status == 200) self->report_connection({});
    };
    callbacks.on_line = [weak](std::string_view line) {
      if (auto self = weak.lock()) self->take(line);
    };
    callbacks.on_end = [weak](std::optional<base::Error> error) {
      if (auto self = weak.lock()) self->watch_ended(error);
    };
    watch_status_ = 0;
    expired_ = false;
    watch_ = client_.watch(resource_, options_.namespace_name, selectors(), resource_version_, std::move(callbacks));
  }

  void take(std::string_view line) {
    if (stopped_ || line.empty()) return;
    boost::system::error_code failure;
    json::value event = json::parse(json::string_view(line.data(), line.size()), failure);
    json::value* object = failure || !event.is_object() ? nullptr : event.get_object().if_contains("object");
    if (object == nullptr || !object->is_object()) return;
    pause_ = first_pause;
    std::string type = text_at(event.get_object(), "type");
    if (type == "ERROR") {
      expired_ = true;
      synced_ = false;
      return;
    }
    resource_version_ = version_of(object->get_object());
    if (type == "ADDED" || type == "MODIFIED") upsert(std::move(object->get_object()));
    if (type == "DELETED") remove(key_of(object->get_object()));
  }

  void watch_ended(const std::optional<base::Error>& error) {
    watch_.reset();
    if (stopped_) return;
    // The server ends watches from time to time: the next one goes on where this one stopped. A version that it has
    // forgotten, in whichever way it says so, is mended by a new list.
    if (expired_ || (watch_status_ != 0 && watch_status_ != 200)) {
      synced_ = false;
      return retry({}, &Implementation::list);
    }
    retry(error ? error->what() : "", &Implementation::watch);
  }

  void retry(const std::string& reason, void (Implementation::*step)()) {
    if (!reason.empty()) report_connection(reason);
    timer_.expires_after(pause_);
    pause_ = std::min(pause_ * 2, longest_pause);
    timer_.async_wait([weak = weak_from_this(), step](const boost::system::error_code& cancelled) {
      auto self = weak.lock();
      if (!cancelled && self && !self->stopped_) ((*self).*step)();
    });
  }

  void report_connection(const std::string& reason) {
    bool connected = reason.empty();
    if (connected) pause_ = first_pause;
    if (connected_ == connected) return;
    connected_ = connected;
    if (auto callback = callbacks_.on_connection) callback(reason);
  }

  void upsert(Object object) {
    std::string key = key_of(object);
    auto [place, added] = store_.try_emplace(key);
    if (!added && version_of(place->second) == version_of(object)) return;
    Object old = std::move(place->second);
    place->second = std::move(object);
    if (auto callback = callbacks_.on_upsert) callback(place->second, added ? nullptr : &old);
  }

  void remove(const std::string& key) {
    auto found = store_.find(key);
    if (found == store_.end()) return;
    Object last = std::move(found->second);
    store_.erase(found);
    if (auto callback = callbacks_.on_delete) callback(last);
  }

  Client& client_;
  Resource resource_;
  InformerOptions options_;
  Callbacks callbacks_;
  boost::asio::steady_timer timer_;
  std::shared_ptr<base::http::Call> watch_;
  std::map<std::string, Object> store_;
  std::string resource_version_;
  std::chrono::milliseconds pause_ = first_pause;
  std::optional<bool> connected_;
  int watch_status_ = 0;
  bool expired_ = false;
  bool synced_ = false;
  bool stopped_ = false;
};

Informer::Informer(Client& client, Resource resource, InformerOptions options)
    : implementation_(std::make_shared<Implementation>(client, std::move(resource), std::move(options))) {}

Informer::~Informer() {
  implementation_->stop();
}

void Informer::start(Callbacks callbacks) {
  implementation_->start(std::move(callbacks));
}

bool Informer::synced() const {
  return implementation_->synced();
}

const std::map<std::string, Object>& Informer::store() const {
  return implementation_->store();
}

const Object* Informer::find(const std::string& key) const {
  auto found = store().find(key);
  return found == store().end() ? nullptr : &found->second;
}

}  // namespace kube
