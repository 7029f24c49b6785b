// What may be done to objects, with all of Kubernetes' rules about it and nothing of HTTP. Refusals are StatusErrors.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agents/apiserver/kind.h"
#include "agents/apiserver/managed_fields.h"
#include "agents/apiserver/service_addresses.h"
#include "agents/apiserver/status.h"
#include "agents/apiserver/store.h"
#include "lib/kube/client.h"
#include "lib/kube/selector.h"

namespace apiserver {

// Which objects a request is about.
struct Target {
  const Kind* kind = nullptr;
  std::string namespace_name;  // empty: cluster-wide, or all namespaces
  std::string name;            // empty: the collection
  std::string subresource;

  std::string key() const { return namespace_name.empty() ? name : namespace_name + "/" + name; }
};

struct Filter {
  std::string namespace_name;
  kube::Selector labels;
  kube::FieldSelector fields;
  // OBJECT as it is stored.
  bool matches(const Object& object) const;
};

struct DeleteOptions {
  // Of a DeleteOptions object, as the body of a request has it; an empty one leaves everything to the defaults.
  static DeleteOptions parse(const Object& object);

  std::optional<int64_t> grace_seconds;
  bool orphan = false;
  std::string uid;               // precondition, where not empty
  std::string resource_version;  // precondition, where not empty
  bool dry_run = false;
};

class Registry {
 public:
  Registry(Store& store, ServiceAddresses addresses);

  // The namespaces that every cluster has, and the Service `kubernetes` with its endpoints at ADDRESS:PORT. What is
  // there already stays.
  void create_defaults(const std::string& address, uint16_t port);

  Object get(const Target& target) const;
  std::vector<ObjectPointer> list(const Kind& kind, const Filter& filter) const;
  Object create(const Target& target, Object object, bool dry_run = false);
  Object update(const Target& target, Object object, bool dry_run = false);
  // An apply patch creates what does not exist; CREATED tells. MANAGER is whose configuration it is.
  Object patch(const Target& target, kube::PatchType type, const boost::json::value& patch, bool dry_run, bool& created,
               const std::string& manager = "unknown");
  // What the client gets: a Status, or the object where it goes on to exist for a while.
  Object remove(const Target& target, const DeleteOptions& options);
  std::vector<ObjectPointer> remove_collection(const Kind& kind, const Filter& filter, const DeleteOptions& options);

  const Store& store() const { return store_; }

 private:
  ObjectPointer stored(const Target& target) const;
  // APPLIED: where the write is an apply.
  Object create_stored(const Target& target, Object object, bool dry_run, const AppliedFields* applied = nullptr);
  Object replace(const Target& target, const Object& old, Object object, bool dry_run,
                 const AppliedFields* applied = nullptr);
  Object apply(const Target& target, Object configuration, const std::string& manager, bool dry_run, bool& created);
  Object replace_scale(const Target& target, const Object& old, const Object& scale, bool dry_run);
  Object bind(const Target& target, const Object& binding, bool dry_run);
  Object evict(const Target& target, const Object& eviction, bool dry_run);
  void check_namespace(const Target& target) const;
  void prepare_new(const Target& target, Object& object) const;
  Object commit(const Kind& kind, const std::string& key, Object object);
  void refresh_endpoints(const std::string& service);
  Object delete_object(const Kind& kind, const Object& object, const DeleteOptions& options);
  void erase(const Kind& kind, const std::string& key, bool orphan = false);
  // Collection and key of each.
  std::vector<std::pair<std::string, std::string>> dependents_of(const std::string& owner_uid) const;
  bool exists(const std::string& uid) const;
  void collect_garbage(const std::string& owner_uid);
  void release_dependents(const std::string& owner_uid);
  void set_owners(const std::string& collection, const std::string& key, boost::json::array owners);
  void finish_namespace(const std::string& name);
  void limit_events();

  Store& store_;
  ServiceAddresses addresses_;
};

// An object as clients of KIND see it: apiVersion and kind set, converted from the stored version.
Object as_seen_by(const Kind& kind, const Object& stored);
// The autoscaling/v1 Scale of a Deployment or ReplicaSet.
Object scale_of(const Object& object);

}  // namespace apiserver
