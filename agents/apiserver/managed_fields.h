// Server-side apply: what a manager applied and does not apply any more is taken away. For that, the fields that each
// manager set are kept in metadata.managedFields, in Kubernetes' own form (FieldsV1), from an object's first apply on.
// Two managers may set the same field; the last one wins, as with force=true.
#pragma once

#include <string>

#include "lib/kube/objects.h"

namespace apiserver {

using kube::Object;

struct AppliedFields {
  std::string manager;
  std::string subresource;
  Object fields;  // FieldsV1
};

AppliedFields applied_fields(const Object& configuration, const std::string& manager, const std::string& subresource);

// OBJECT with CONFIGURATION, and without what the same manager's last one set, this one does not, and no other manager
// does. A field that was changed since by other means is not the manager's any more, and stays.
Object apply_configuration(Object object, const Object& configuration, const AppliedFields& applied);

// Writes the managedFields of OBJECT, which replaces OLD (empty where there is none): APPLIED is who has just applied,
// or null for a write of any other kind; of the others' fields those that kept their values remain theirs.
void update_managed_fields(const Object& old, Object& object, const AppliedFields* applied);

}  // namespace apiserver
