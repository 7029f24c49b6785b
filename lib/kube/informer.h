// List and watch of one kind of object, with a store that is always as new as the last event.
//
// An informer never gives up: it lists, watches from the list's resourceVersion, and starts over, with growing pauses
// (200 ms to 5 s), when the server is gone or says 410. After a new list the differences to the store are reported
// as ordinary upserts and deletes, so that users need not know that a connection was lost.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "lib/kube/client.h"

namespace kube {

struct InformerOptions {
  std::string namespace_name;  // empty: all
  std::string label_selector;
  std::string field_selector;
};

// For objects as JSON. All callbacks are optional, and come from the event loop.
class Informer {
 public:
  struct Callbacks {
    // The store holds the whole list: once after the first list, and again after each further one (reconnection).
    std::function<void()> on_synced;
    // OLD is null for what was not in the store. Unchanged objects (same resourceVersion) are not reported.
    std::function<void(const Object& object, const Object* old)> on_upsert;
    std::function<void(const Object& last)> on_delete;
    // The connection is lost, or back (empty REASON): for logs. The first success is reported, too.
    std::function<void(const std::string& reason)> on_connection;
  };

  // CLIENT must outlive it.
  Informer(Client& client, Resource resource, InformerOptions options = {});
  ~Informer();  // no callback comes afterwards
  Informer(const Informer&) = delete;
  Informer& operator=(const Informer&) = delete;

  void start(Callbacks callbacks);
  // Whether the store holds a whole list and what was reported since; not between an expiry and the next list.
  bool synced() const;
  // By "namespace/name" (or "name"). May be used inside callbacks; holds the new state there.
  const std::map<std::string, Object>& store() const;
  const Object* find(const std::string& key) const;

 private:
  class Implementation;
  std::shared_ptr<Implementation> implementation_;
};

// The same with parsed objects: T is Service, EndpointSlice, Node, Pod, Deployment or ReplicaSet.
template <class T>
class TypedInformer {
 public:
  struct Callbacks {
    std::function<void()> on_synced;
    std::function<void(const T& object, const T* old)> on_upsert;
    std::function<void(const T& last)> on_delete;
    std::function<void(const std::string& reason)> on_connection;
  };

  explicit TypedInformer(Client& client, InformerOptions options = {})
      : informer_(client, T::resource(), std::move(options)) {}

  void start(Callbacks callbacks) {
    callbacks_ = std::move(callbacks);
    informer_.start({[this] {
                       if (callbacks_.on_synced) callbacks_.on_synced();
                     },
                     [this](const Object& object, const Object*) { upsert(object); },
                     [this](const Object& object) { remove(object); }, callbacks_.on_connection});
  }

  bool synced() const { return informer_.synced(); }
  const std::map<std::string, T>& store() const { return store_; }
  const T* find(const std::string& key) const {
    auto found = store_.find(key);
    return found == store_.end() ? nullptr : &found->second;
  }
  // The object as the server sent it.
  const Object* raw(const std::string& key) const { return informer_.find(key); }

 private:
  void upsert(const Object& object) {
    T parsed = T::parse(object);
    auto [place, added] = store_.try_emplace(key_of(object));
    std::optional<T> old;
    if (!added) old = std::move(place->second);
    place->second = std::move(parsed);
    if (callbacks_.on_upsert) callbacks_.on_upsert(place->second, old ? &*old : nullptr);
  }
  void remove(const Object& object) {
    auto found = store_.find(key_of(object));
    if (found == store_.end()) return;
    T last = std::move(found->second);
    store_.erase(found);
    if (callbacks_.on_delete) callbacks_.on_delete(last);
  }

  Callbacks callbacks_;
  std::map<std::string, T> store_;
  Informer informer_;
};

}  // namespace kube
