#include "agents/apiserver/store.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "lib/base/error.h"

namespace apiserver {
namespace {

namespace json = boost::json;

uint64_t parse_version(const std::string& text) {
  uint64_t version = 0;
  std::from_chars(text.data(), text.data() + text.size(), version);
  return version;
}

void set_version(Object& object, uint64_t version) {
  json::value& metadata = object["metadata"];
  if (!metadata.is_object()) metadata.emplace_object();
  metadata.get_object()["resourceVersion"] = std::to_string(version);
}

// OBJECT is null where it is gone.
Object journal_record(const std::string& collection, const std::string& key, const Object* object) {
  Object record{{"collection", collection}, {"key", key}};
  if (object != nullptr) record["object"] = *object;
  return record;
}

}  // namespace

// Versions start at the time of day, so that those that clients remember of an earlier server without a journal lie
// below all of this one, and are answered with 410 instead of being taken for known.
Store::Store(const std::string& journal) : version_(static_cast<uint64_t>(::time(nullptr)) * 1000), journal_(journal) {
  journal_.read([this](Object record) { load(std::move(record)); });
  rewrite_journal();
  first_version_ = version_;
}

ObjectPointer Store::get(const std::string& collection, const std::string& key) const {
  const auto& objects = list(collection);
  auto found = objects.find(key);
  return found == objects.end() ? nullptr : found->second;
}

const std::map<std::string, ObjectPointer>& Store::list(const std::string& collection) const {
  static const std::map<std::string, ObjectPointer> none;
  auto found = collections_.find(collection);
  return found == collections_.end() ? none : found->second.objects;
}

std::vector<std::string> Store::collections() const {
  std::vector<std::string> names;
  for (const auto& [name, collection] : collections_) names.push_back(name);
  return names;
}

ObjectPointer Store::put(const std::string& collection, const std::string& key, Object object) {
  set_version(object, version_ + 1);
  auto stored = std::make_shared<const Object>(std::move(object));
  append(collection, key, stored.get());
  ++version_;
  Collection& target = collections_[collection];
  ObjectPointer& place = target.objects[key];
  Change::Type type = place ? Change::Type::modified : Change::Type::added;
  ObjectPointer previous = std::exchange(place, stored);
  record(collection, target, {type, version_, stored, std::move(previous)});
  return stored;
}

ObjectPointer Store::remove(const std::string& collection, const std::string& key) {
  Collection& target = collections_[collection];
  auto found = target.objects.find(key);
  if (found == target.objects.end()) throw base::Error("remove " + collection + " " + key + ": it does not exist");
  append(collection, key, nullptr);
  ++version_;
  Object last = *found->second;
  set_version(last, version_);
  ObjectPointer previous = std::move(found->second);
  target.objects.erase(found);
  auto stored = std::make_shared<const Object>(std::move(last));
  record(collection, target, {Change::Type::deleted, version_, stored, std::move(previous)});
  return stored;
}

std::optional<std::vector<Change>> Store::changes_since(const std::string& collection, uint64_t version) const {
  auto found = collections_.find(collection);
  uint64_t forgotten = first_version_;
  if (found != collections_.end()) forgotten = std::max(forgotten, found->second.forgotten);
  if (version < forgotten || version > version_) return std::nullopt;
  std::vector<Change> changes;
  if (found == collections_.end()) return changes;
  for (const Change& change : found->second.history) {
    if (change.version > version) changes.push_back(change);
  }
  return changes;
}

Store::Subscription Store::subscribe(const std::string& collection, Listener listener) {
  auto kept = std::make_shared<Listener>(std::move(listener));
  listeners_[collection].push_back(kept);
  return Subscription(kept);
}

void Store::record(const std::string& name, Collection& collection, Change change) {
  collection.history.push_back(change);
  if (collection.history.size() > history_limit) {
    collection.forgotten = collection.history.front().version;
    collection.history.pop_front();
  }
  tell(name, change);
}

void Store::tell(const std::string& name, const Change& change) {
  for (const std::string& collection : {name, std::string()}) {
    auto& listeners = listeners_[collection];
    listeners.remove_if([](const auto& weak) { return weak.expired(); });
    std::list<std::weak_ptr<Listener>> current = listeners;
    for (const auto& weak : current) {
      if (auto listener = weak.lock()) (*listener)(name, change);
    }
  }
}

void Store::load(Object record) {
  std::string collection = kube::text_at(record, "collection"), key = kube::text_at(record, "key");
  json::value* object = record.if_contains("object");
  if (collection.empty() || key.empty() || (object != nullptr && !object->is_object())) {
    throw base::Error("a record must name a collection and a key, and may have an object");
  }
  auto& objects = collections_[collection].objects;
  if (object == nullptr) {
    objects.erase(key);
    ++version_;
    return;
  }
  version_ = std::max(version_, parse_version(kube::text_at(object->get_object(), "metadata.resourceVersion")));
  objects[key] = std::make_shared<const Object>(std::move(object->get_object()));
}

void Store::append(const std::string& name, const std::string& key, const Object* object) {
  if (journal_.is_overgrown()) rewrite_journal();
  journal_.append(journal_record(name, key, object));
}

void Store::rewrite_journal() {
  journal_.rewrite([this](Journal& next) {
    for (const auto& [name, collection] : collections_) {
      for (const auto& [key, object] : collection.objects) next.append(journal_record(name, key, object.get()));
    }
  });
}

}  // namespace apiserver
