#include "agents/controller/ownership.h"

#include <algorithm>
#include <boost/json/array.hpp>

#include "lib/base/error.h"

namespace controller {

const kube::OwnerReference* managing_owner(const kube::Metadata& metadata) {
  auto found = std::find_if(metadata.owners.begin(), metadata.owners.end(),
                            [](const kube::OwnerReference& owner) { return owner.controller; });
  return found == metadata.owners.end() ? nullptr : &*found;
}

bool managed_by(const kube::Metadata& metadata, const std::string& owner_uid) {
  const kube::OwnerReference* owner = managing_owner(metadata);
  return owner != nullptr && owner->uid == owner_uid;
}

Object owner_reference(const kube::Resource& kind, const kube::Metadata& owner) {
  return {{"apiVersion", kind.api_version()},
          {"kind", kind.kind},
          {"name", owner.name},
          {"uid", owner.uid},
          {"controller", true},
          {"blockOwnerDeletion", true}};
}

kube::Selector owning_selector(const Object& label_selector) {
  kube::Selector selector = kube::Selector::from_object(label_selector);
  if (selector.empty()) throw base::Error("its selector matches everything");
  return selector;
}

bool would_own(const Object& label_selector, const kube::StringMap& labels) {
  try {
    return owning_selector(label_selector).matches(labels);
  } catch (const base::Error&) {
    return false;
  }
}

std::optional<Change> settle_claim(const Owner& owner, const kube::Resource& kind, const kube::Metadata& object) {
  if (object.namespace_name != owner.metadata->namespace_name || object.deletion_timestamp) return std::nullopt;
  bool matches = owner.selector.matches(object.labels);
  bool owned = managed_by(object, owner.metadata->uid);
  std::string what = owner.kind->kind + " " + owner.metadata->key() + ": ";
  if (owned && !matches) {
    Object reference{{"$patch", "delete"}, {"uid", owner.metadata->uid}};
    Object metadata{{"ownerReferences", boost::json::array{std::move(reference)}}};
    return patch(kind, object, {{"metadata", std::move(metadata)}},
                 what + "let go " + object.name + ", whose labels do not match any more");
  }
  if (managing_owner(object) == nullptr && matches) {
    Object metadata{{"ownerReferences", boost::json::array{owner_reference(*owner.kind, *owner.metadata)}}};
    Change change = patch(kind, object, {{"metadata", std::move(metadata)}}, what + "take over " + object.name);
    change.needs = identity_of(*owner.kind, *owner.metadata);
    return change;
  }
  return std::nullopt;
}

}  // namespace controller
