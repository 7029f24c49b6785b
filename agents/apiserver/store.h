// All objects, in memory, with one version counter and a bounded history per collection for watches.
//
// With a journal, every change is appended to a file before it is told to anybody, and read back at the next start, so
// that a restarted server has lost nothing; versions go on counting and a watch from before gets 410. The file stays
// within a few times the size of what is alive.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agents/apiserver/journal.h"
#include "lib/kube/objects.h"

namespace apiserver {

using kube::Object;
using ObjectPointer = std::shared_ptr<const Object>;

struct Change {
  enum class Type { added, modified, deleted };
  Type type = Type::added;
  uint64_t version = 0;
  ObjectPointer object;  // for a deletion: the last state, with the version of the deletion
  ObjectPointer previous;
};

class Store {
 public:
  static constexpr size_t history_limit = 2000;

  // JOURNAL: a path, or empty for none.
  explicit Store(const std::string& journal = {});

  uint64_t version() const { return version_; }
  // Null where there is none. KEY is "namespace/name" or "name".
  ObjectPointer get(const std::string& collection, const std::string& key) const;
  const std::map<std::string, ObjectPointer>& list(const std::string& collection) const;
  std::vector<std::string> collections() const;

  // Sets metadata.resourceVersion; the object replaces what was there.
  ObjectPointer put(const std::string& collection, const std::string& key, Object object);
  // Returns the last state. The object must exist.
  ObjectPointer remove(const std::string& collection, const std::string& key);

  // The changes after VERSION; nullopt where the history does not reach back that far, or VERSION is in the future.
  std::optional<std::vector<Change>> changes_since(const std::string& collection, uint64_t version) const;

  using Listener = std::function<void(const std::string& collection, const Change& change)>;
  // Called after each change. The listener may unsubscribe itself; others wait for the current change to be told.
  class Subscription {
   public:
    Subscription() = default;
    Subscription(Subscription&&) = default;
    Subscription& operator=(Subscription&&) = default;

   private:
    friend class Store;
    explicit Subscription(std::shared_ptr<Listener> listener) : listener_(std::move(listener)) {}
    std::shared_ptr<Listener> listener_;
  };
  // To all collections where COLLECTION is empty.
  Subscription subscribe(const std::string& collection, Listener listener);

 private:
  struct Collection {
    std::map<std::string, ObjectPointer> objects;
    std::deque<Change> history;
    uint64_t forgotten = 0;  // changes up to this version are not in the history any more
  };
  void record(const std::string& name, Collection& collection, Change change);
  void tell(const std::string& name, const Change& change);
  void load(Object record);
  void append(const std::string& name, const std::string& key, const Object* object);
  void rewrite_journal();

  uint64_t version_;
  uint64_t first_version_ = 0;
  std::map<std::string, Collection> collections_;
  std::map<std::string, std::list<std::weak_ptr<Listener>>> listeners_;
  Journal journal_;
};

}  // namespace apiserver
