// Who owns what: owner references, and the claims of an owner on the objects that its selector matches.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "agents/controller/change.h"
#include "lib/kube/objects.h"
#include "lib/kube/selector.h"

namespace controller {

// The owner that manages the object; null where there is none.
const kube::OwnerReference* managing_owner(const kube::Metadata& metadata);
bool managed_by(const kube::Metadata& metadata, const std::string& owner_uid);

Object owner_reference(const kube::Resource& kind, const kube::Metadata& owner);

// Throws base::Error for a selector that is malformed, and for one that would match everything: an owner of all pods of
// its namespace is not meant.
kube::Selector owning_selector(const Object& label_selector);
// The same as a question: what is no selector matches nothing.
bool would_own(const Object& label_selector, const kube::StringMap& labels);

struct Owner {
  const kube::Resource* kind = nullptr;
  const kube::Metadata* metadata = nullptr;
  kube::Selector selector;
};

// OBJECT is taken over, where nobody owns it and the selector matches, or let go, where it does not match any more: by
// changing a pod's labels one takes it out of its ReplicaSet. nullopt where nothing is to be changed.
std::optional<Change> settle_claim(const Owner& owner, const kube::Resource& kind, const kube::Metadata& object);

// The objects of the owner's namespace that it owns.
template <class T>
std::vector<const T*> owned_objects(const std::map<std::string, T>& objects, const kube::Metadata& owner) {
  std::vector<const T*> owned;
  for (const auto& [key, object] : objects) {
    bool here = object.metadata.namespace_name == owner.namespace_name;
    if (here && managed_by(object.metadata, owner.uid)) owned.push_back(&object);
  }
  return owned;
}

}  // namespace controller
