#include "agents/apiserver/registry.h"

#include <sys/random.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <set>

#include "agents/apiserver/endpoints.h"
#include "agents/apiserver/patch.h"
#include "agents/apiserver/validation.h"
#include "lib/base/error.h"

namespace apiserver {
namespace {

namespace json = boost::json;
using kube::text_at;

std::string random_bytes(size_t count) {
  std::string bytes(count, '\0');
  if (::getrandom(bytes.data(), count, 0) != static_cast<ssize_t>(count)) throw base::Error::system("getrandom");
  return bytes;
}

std::string new_uid() {
  static constexpr char digits[] = "0123456789abcdef";
  std::string bytes = random_bytes(16), text;
  bytes[6] = static_cast<char>((bytes[6] & 0x0f) | 0x40);
  bytes[8] = static_cast<char>((bytes[8] & 0x3f) | 0x80);
  for (size_t at = 0; at < bytes.size(); ++at) {
    if (at == 4 || at == 6 || at == 8 || at == 10) text += '-';
    auto byte = static_cast<unsigned char>(bytes[at]);
    text += {digits[byte >> 4], digits[byte & 15]};
  }
  return text;
}

// The five characters that Kubernetes appends to a generateName: no vowels, so that no words come about.
std::string random_suffix() {
  static constexpr std::string_view letters = "bcdfghjklmnpqrstvwxz2456789";
  std::string suffix = random_bytes(5);
  for (char& c : suffix) c = letters[static_cast<unsigned char>(c) % letters.size()];
  return suffix;
}

Object& member_object(Object& object, std::string_view key) {
  json::value& value = object[key];
  if (!value.is_object()) value.emplace_object();
  return value.get_object();
}

Object& metadata_of(Object& object) {
  return member_object(object, "metadata");
}

bool is_pods(const Kind& kind) {
  return kind.collection() == "pods";
}
bool is_services(const Kind& kind) {
  return kind.collection() == "services";
}
bool is_namespaces(const Kind& kind) {
  return kind.collection() == "namespaces";
}

Target target_of(const Kind& kind, const Object& object) {
  return {&kind, text_at(object, "metadata.namespace"), text_at(object, "metadata.name"), {}};
}

void check_type(const Kind& kind, Object& object) {
  std::string version = text_at(object, "apiVersion"), name = text_at(object, "kind");
  if (!version.empty() && version != kind.resource.api_version()) {
    throw bad_request("the API version in the data (" + version + ") does not match the expected API version (" +
                      kind.resource.api_version() + ")");
  }
  if (!name.empty() && name != kind.resource.kind) {
    throw bad_request("the kind in the data (" + name + ") does not match the expected kind (" + kind.resource.kind +
                      ")");
  }
  object["apiVersion"] = kind.resource.api_version();
  object["kind"] = kind.resource.kind;
  for (const char* field : {"metadata", "spec", "status"}) {
    const json::value* value = object.if_contains(field);
    if (value != nullptr && value->is_null()) object.erase(field);
    if (value != nullptr && !value->is_null() && !value->is_object()) {
      throw bad_request(std::string(field) + " must be an object");
    }
  }
}

// What only the server writes.
void keep_system_metadata(Object& object, const Object& old) {
  Object& metadata = metadata_of(object);
  const Object& before = kube::object_at(old, "metadata");
  for (const char* field : {"uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation",
                            "namespace", "name", "generateName", "managedFields"}) {
    const json::value* value = before.if_contains(field);
    if (value == nullptr) {
      metadata.erase(field);
    } else {
      metadata[field] = *value;
    }
  }
  metadata.erase("selfLink");
}

void keep_member(Object& object, const Object& old, const char* member) {
  const json::value* value = old.if_contains(member);
  if (value == nullptr) {
    object.erase(member);
  } else {
    object[member] = *value;
  }
}

bool same_but_version(const Object& left, const Object& right) {
  auto strip = [](Object object) {
    metadata_of(object).erase("resourceVersion");
    return object;
  };
  return strip(left) == strip(right);
}

bool has_finalizers(const Object& object) {
  return !kube::array_at(object, "metadata.finalizers").empty();
}
bool is_terminating(const Object& object) {
  return kube::find(object, "metadata.deletionTimestamp") != nullptr;
}

// The owner references to a uid for which WANTED.
template <class Wanted>
json::array owners_that(const Object& object, Wanted&& wanted) {
  json::array owners;
  for (const json::value& owner : kube::array_at(object, "metadata.ownerReferences")) {
    if (owner.is_object() && wanted(text_at(owner.get_object(), "uid"))) owners.push_back(owner);
  }
  return owners;
}

bool owned_by(const Object& object, const std::string& owner_uid) {
  return !owners_that(object, [&](const std::string& uid) { return uid == owner_uid; }).empty();
}

std::string timestamp_in(int64_t seconds) {
  time_t when = ::time(nullptr) + seconds;
  char text[32];
  tm parts{};
  ::gmtime_r(&when, &parts);
  ::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

}  // namespace

bool Filter::matches(const Object& object) const {
  if (!namespace_name.empty() && text_at(object, "metadata.namespace") != namespace_name) return false;
  return labels.matches(object) && fields.matches(object);
}

DeleteOptions DeleteOptions::parse(const Object& object) {
  DeleteOptions options;
  const json::value* grace = object.if_contains("gracePeriodSeconds");
  if (grace != nullptr && grace->is_int64()) options.grace_seconds = grace->get_int64();
  options.orphan = text_at(object, "propagationPolicy") == "Orphan";
  options.uid = text_at(object, "preconditions.uid");
  options.resource_version = text_at(object, "preconditions.resourceVersion");
  options.dry_run = !kube::array_at(object, "dryRun").empty();
  return options;
}

Object as_seen_by(const Kind& kind, const Object& stored) {
  Object object = stored;
  if (kind.from_stored != nullptr) kind.from_stored(object);
  return object;
}

Object scale_of(const Object& object) {
  Object metadata;
  for (const char* field : {"name", "namespace", "uid", "resourceVersion", "creationTimestamp"}) {
    metadata[field] = text_at(object, std::string("metadata.") + field);
  }
  Object status{{"replicas", kube::number_at(object, "status.replicas")}};
  const Object& selector = kube::object_at(object, "spec.selector");
  if (!selector.empty()) status["selector"] = kube::Selector::from_object(selector).text();
  return {{"kind", "Scale"},
          {"apiVersion", "autoscaling/v1"},
          {"metadata", std::move(metadata)},
          {"spec", Object{{"replicas", kube::number_at(object, "spec.replicas")}}},
          {"status", std::move(status)}};
}

Registry::Registry(Store& store, ServiceAddresses addresses) : store_(store), addresses_(std::move(addresses)) {
  for (const auto& [key, service] : store_.list("services")) {
    addresses_.commit(key, service.get());
    refresh_endpoints(key);
  }
}

void Registry::create_defaults(const std::string& address, uint16_t port) {
  const Kind& namespaces = kind_of_collection("namespaces");
  for (const char* name : {"default", "kube-system", "kube-node-lease", "kube-public"}) {
    if (store_.get("namespaces", name)) continue;
    create({&namespaces, {}, {}, {}}, Object{{"metadata", Object{{"name", name}}}});
  }
  Object range{{"metadata", Object{{"name", "kubernetes"}}},
               {"spec", Object{{"cidrs", json::array{addresses_.range().cidr()}}}},
               {"status", Object{{"conditions", json::array{Object{{"type", "Ready"},
                                                                   {"status", "True"},
                                                                   {"reason", ""},
                                                                   {"message", "Kubernetes Service CIDR is ready"},
                                                                   {"lastTransitionTime", kube::timestamp_now()}}}}}}};
  const Kind& ranges = kind_of_collection("servicecidrs.networking.k8s.io");
  if (!store_.get(ranges.collection(), "kubernetes")) create({&ranges, {}, {}, {}}, std::move(range));

  json::array ports{Object{{"name", "http"}, {"port", port}, {"protocol", "TCP"}, {"targetPort", port}}};
  Object labels{{"component", "apiserver"}, {"provider", "kubernetes"}};
  Object service{{"metadata", Object{{"name", "kubernetes"}, {"namespace", "default"}, {"labels", labels}}},
                 {"spec", Object{{"clusterIP", addresses_.range().address(1)}, {"ports", ports}}}};
  if (!store_.get("services", "default/kubernetes")) {
    create({&kind_of_collection("services"), "default", {}, {}}, std::move(service));
  }
  const Kind& slices = kind_of_collection("endpointslices.discovery.k8s.io");
  Object slice{
      {"metadata", Object{{"name", "kubernetes"},
                          {"namespace", "default"},
                          {"labels", Object{{"kubernetes.io/service-name", "kubernetes"}}}}},
      {"addressType", address.find(':') == std::string::npos ? "IPv4" : "IPv6"},
      {"ports", json::array{Object{{"name", "http"}, {"port", port}, {"protocol", "TCP"}}}},
      {"endpoints", json::array{Object{{"addresses", json::array{address}}, {"conditions", Object{{"ready", true}}}}}}};
  Target target{&slices, "default", "kubernetes", {}};
  if (store_.get(slices.collection(), target.key())) {
    update(target, std::move(slice));
  } else {
    create({&slices, "default", {}, {}}, std::move(slice));
  }
}

ObjectPointer Registry::stored(const Target& target) const {
  ObjectPointer object = store_.get(target.kind->collection(), target.key());
  if (!object) throw not_found(*target.kind, target.name);
  return object;
}

Object Registry::get(const Target& target) const {
  ObjectPointer object = stored(target);
  if (target.subresource == "scale") return scale_of(*object);
  return as_seen_by(*target.kind, *object);
}

std::vector<ObjectPointer> Registry::list(const Kind& kind, const Filter& filter) const {
  std::vector<ObjectPointer> found;
  for (const auto& [key, object] : store_.list(kind.collection())) {
    if (filter.matches(*object)) found.push_back(object);
  }
  return found;
}

void Registry::check_namespace(const Target& target) const {
  if (!target.kind->resource.namespaced) return;
  ObjectPointer space = store_.get("namespaces", target.namespace_name);
  if (!space) throw not_found(kind_of_collection("namespaces"), target.namespace_name);
  if (is_terminating(*space)) {
    throw forbidden(
        *target.kind, target.name,
        "unable to create new content in namespace " + target.namespace_name + " because it is being terminated");
  }
}

void Registry::prepare_new(const Target& target, Object& object) const {
  const Kind& kind = *target.kind;
  Object& metadata = metadata_of(object);
  std::string given = text_at(metadata, "namespace");
  if (kind.resource.namespaced) {
    if (!given.empty() && given != target.namespace_name) {
      throw bad_request("the namespace of the provided object does not match the namespace sent on the request");
    }
    metadata["namespace"] = target.namespace_name;
  } else {
    metadata.erase("namespace");
  }
  if (!text_at(metadata, "resourceVersion").empty()) {
    throw bad_request("resourceVersion should not be set on objects to be created");
  }
  std::string prefix = text_at(metadata, "generateName");
  if (text_at(metadata, "name").empty() && !prefix.empty()) {
    do {
      metadata["name"] = prefix + random_suffix();
    } while (store_.get(kind.collection(), kube::key_of(object)));
  }
  for (const char* field : {"deletionTimestamp", "deletionGracePeriodSeconds", "managedFields", "selfLink"}) {
    metadata.erase(field);
  }
  metadata["uid"] = new_uid();
  metadata["creationTimestamp"] = kube::timestamp_now();
  if (kind.has_generation) metadata["generation"] = 1;
}

Object Registry::create(const Target& target, Object object, bool dry_run) {
  if (target.subresource == "binding") return bind(target, object, dry_run);
  if (target.subresource == "eviction") return evict(target, object, dry_run);
  check_type(*target.kind, object);
  if (target.kind->to_stored != nullptr) target.kind->to_stored(object);
  return as_seen_by(*target.kind, create_stored(target, std::move(object), dry_run));
}

Object Registry::create_stored(const Target& target, Object object, bool dry_run, const AppliedFields* applied) {
  const Kind& kind = *target.kind;
  prepare_new(target, object);
  Target whole = target_of(kind, object);
  check_namespace(whole);
  if (kind.has_status && !kind.keeps_status) object.erase("status");
  if (kind.set_defaults != nullptr) kind.set_defaults(object);
  Faults faults;
  validate_metadata(kind, object, faults);
  if (kind.validate != nullptr) kind.validate(object, nullptr, faults);
  faults.check(kind, whole.name);
  if (store_.get(kind.collection(), whole.key())) throw already_exists(kind, whole.name);
  if (is_services(kind)) addresses_.assign(object, nullptr);
  if (applied != nullptr) update_managed_fields({}, object, applied);
  if (dry_run) return object;
  Object created = commit(kind, whole.key(), std::move(object));
  if (kind.collection() == "events") limit_events();
  return created;
}

Object Registry::commit(const Kind& kind, const std::string& key, Object object) {
  ObjectPointer before = store_.get(kind.collection(), key);
  ObjectPointer stored = store_.put(kind.collection(), key, std::move(object));
  if (is_services(kind)) addresses_.commit(key, stored.get());
  for (const std::string& service : std::set{service_of(kind, before.get()), service_of(kind, stored.get())}) {
    if (!service.empty()) refresh_endpoints(service);
  }
  return *stored;
}

// Endpoints are kept as if a controller wrote them, so that they are listed and watched as everything else is.
void Registry::refresh_endpoints(const std::string& service) {
  const Kind& kind = kind_of_collection("endpoints");
  ObjectPointer old = store_.get("endpoints", service);
  std::optional<Object> wanted = derive_endpoints(store_, service, old.get());
  if (!wanted) {
    if (old) erase(kind, service);
    return;
  }
  check_type(kind, *wanted);
  if (old) {
    keep_system_metadata(*wanted, *old);
    if (same_but_version(*old, *wanted)) return;
  } else {
    prepare_new({&kind, service.substr(0, service.find('/')), {}, {}}, *wanted);
  }
  commit(kind, service, std::move(*wanted));
}

Object Registry::update(const Target& target, Object object, bool dry_run) {
  ObjectPointer old = stored(target);
  if (target.subresource == "scale") return replace_scale(target, *old, object, dry_run);
  check_type(*target.kind, object);
  if (target.kind->to_stored != nullptr) target.kind->to_stored(object);
  return as_seen_by(*target.kind, replace(target, *old, std::move(object), dry_run));
}

Object Registry::replace(const Target& target, const Object& old, Object object, bool dry_run,
                         const AppliedFields* applied) {
  const Kind& kind = *target.kind;
  std::string name = text_at(object, "metadata.name");
  if (!name.empty() && name != target.name) {
    throw bad_request("the name of the object (" + name + ") does not match the name on the URL (" + target.name + ")");
  }
  std::string uid = text_at(object, "metadata.uid");
  if (!uid.empty() && uid != text_at(old, "metadata.uid")) {
    throw conflict(
        kind, target.name,
        "Precondition failed: UID in precondition: " + uid + ", UID in object meta: " + text_at(old, "metadata.uid"));
  }
  std::string version = text_at(object, "metadata.resourceVersion");
  if (!version.empty() && version != text_at(old, "metadata.resourceVersion")) {
    throw conflict(kind, target.name,
                   "the object has been modified; please apply your changes to the latest version and try again");
  }
  keep_system_metadata(object, old);
  if (target.subresource == "status") {
    // Everything but status and metadata stays: agents patch annotations through status, too.
    Object next = old;
    next["metadata"] = object["metadata"];
    keep_member(next, object, "status");
    object = std::move(next);
  } else if (kind.has_status) {
    keep_member(object, old, "status");
  }
  if (kind.set_defaults != nullptr) kind.set_defaults(object);
  if (is_services(kind) && target.subresource.empty()) addresses_.assign(object, &old);
  Faults faults;
  validate_metadata(kind, object, faults);
  if (kind.validate != nullptr && target.subresource.empty()) kind.validate(object, &old, faults);
  faults.check(kind, target.name);
  update_managed_fields(old, object, applied);
  if (same_but_version(old, object)) return old;
  const json::value *spec_before = old.if_contains("spec"), *spec_after = object.if_contains("spec");
  bool changed =
      (spec_before == nullptr) != (spec_after == nullptr) || (spec_before != nullptr && *spec_before != *spec_after);
  if (kind.has_generation && changed) {
    metadata_of(object)["generation"] = kube::number_at(old, "metadata.generation") + 1;
  }
  if (dry_run) return object;
  bool last_finalizer = is_terminating(object) && has_finalizers(old) && !has_finalizers(object);
  bool waits_for_its_node = is_pods(kind) && kube::number_at(object, "metadata.deletionGracePeriodSeconds") > 0;
  Object result = commit(kind, target.key(), std::move(object));
  if (last_finalizer && !waits_for_its_node && !is_namespaces(kind)) erase(kind, target.key());
  return result;
}

Object Registry::replace_scale(const Target& target, const Object& old, const Object& scale, bool dry_run) {
  std::string version = text_at(scale, "metadata.resourceVersion");
  if (!version.empty() && version != text_at(old, "metadata.resourceVersion")) {
    throw conflict(*target.kind, target.name,
                   "the object has been modified; please apply your changes to the latest version and try again");
  }
  int64_t replicas = kube::number_at(scale, "spec.replicas");
  Faults faults;
  if (replicas < 0) faults.invalid("spec.replicas", replicas, "must be greater than or equal to 0");
  faults.check(*target.kind, target.name);
  Object object = old;
  member_object(object, "spec")["replicas"] = replicas;
  Target whole = target;
  whole.subresource.clear();
  return scale_of(replace(whole, old, std::move(object), dry_run));
}

Object Registry::bind(const Target& target, const Object& binding, bool dry_run) {
  Target pod = target;
  pod.subresource.clear();
  ObjectPointer old = stored(pod);
  std::string node = text_at(binding, "target.name");
  std::string current = text_at(*old, "spec.nodeName");
  if (!current.empty()) {
    throw conflict(*target.kind, target.name,
                   "pod " + target.name + " is already assigned to node \"" + current + "\"");
  }
  Object object = *old;
  member_object(object, "spec")["nodeName"] = node;
  replace(pod, *old, std::move(object), dry_run);
  return {{"kind", "Status"}, {"apiVersion", "v1"}, {"metadata", Object()}, {"status", "Success"}, {"code", 201}};
}

Object Registry::evict(const Target& target, const Object& eviction, bool dry_run) {
  DeleteOptions options = DeleteOptions::parse(kube::object_at(eviction, "deleteOptions"));
  options.dry_run = options.dry_run || dry_run;
  return remove({target.kind, target.namespace_name, target.name, {}}, options);
}

Object Registry::patch(const Target& target, kube::PatchType type, const json::value& patch, bool dry_run,
                       bool& created, const std::string& manager) {
  created = false;
  // A Scale is not stored, and so nobody's: an apply of one is a merge.
  bool scale = target.subresource == "scale";
  if (type == kube::PatchType::apply && !scale) {
    if (!patch.is_object()) throw bad_request("the configuration to apply is not an object");
    return apply(target, patch.get_object(), manager, dry_run, created);
  }
  ObjectPointer old = stored(target);
  Object before = scale ? scale_of(*old) : as_seen_by(*target.kind, *old);
  Object after;
  switch (type) {
    case kube::PatchType::json:
      after = json_patch(std::move(before), patch);
      break;
    case kube::PatchType::merge:
      after = merge_patch(std::move(before), patch);
      break;
    case kube::PatchType::strategic_merge:
    case kube::PatchType::apply:
      after = strategic_merge_patch(std::move(before), patch);
      break;
  }
  if (scale) return replace_scale(target, *old, after, dry_run);
  check_type(*target.kind, after);
  if (target.kind->to_stored != nullptr) target.kind->to_stored(after);
  return as_seen_by(*target.kind, replace(target, *old, std::move(after), dry_run));
}

Object Registry::apply(const Target& target, Object configuration, const std::string& manager, bool dry_run,
                       bool& created) {
  const Kind& kind = *target.kind;
  check_type(kind, configuration);
  if (kube::find(configuration, "metadata.managedFields") != nullptr) {
    throw bad_request("metadata.managedFields must be nil");
  }
  if (kind.to_stored != nullptr) kind.to_stored(configuration);
  AppliedFields applied = applied_fields(configuration, manager, target.subresource);
  if (ObjectPointer old = store_.get(kind.collection(), target.key())) {
    Object after = apply_configuration(*old, configuration, applied);
    return as_seen_by(kind, replace(target, *old, std::move(after), dry_run, &applied));
  }
  if (!target.subresource.empty()) throw not_found(kind, target.name);
  created = true;
  metadata_of(configuration)["name"] = target.name;
  return as_seen_by(kind, create_stored(target, std::move(configuration), dry_run, &applied));
}

Object Registry::remove(const Target& target, const DeleteOptions& options) {
  ObjectPointer object = store_.get(target.kind->collection(), target.key());
  if (!object) throw not_found(*target.kind, target.name);
  return delete_object(*target.kind, *object, options);
}

Object Registry::delete_object(const Kind& kind, const Object& object, const DeleteOptions& options) {
  std::string name = text_at(object, "metadata.name");
  auto precondition = [&](const std::string& what, const std::string& wanted, const std::string& actual) {
    if (wanted.empty() || wanted == actual) return;
    throw conflict(
        kind, name,
        "Precondition failed: " + what + " in precondition: " + wanted + ", " + what + " in object meta: " + actual);
  };
  precondition("UID", options.uid, text_at(object, "metadata.uid"));
  precondition("ResourceVersion", options.resource_version, text_at(object, "metadata.resourceVersion"));

  static const std::set<std::string> permanent{"default", "kube-system", "kube-public"};
  if (is_namespaces(kind) && permanent.count(name) > 0) {
    throw forbidden(kind, name, "this namespace may not be deleted");
  }

  int64_t grace = 0;
  if (is_pods(kind)) {
    grace = options.grace_seconds.value_or(kube::number_at(object, "spec.terminationGracePeriodSeconds", 30));
    std::string phase = text_at(object, "status.phase");
    bool runs = !text_at(object, "spec.nodeName").empty() && phase != "Succeeded" && phase != "Failed";
    if (!runs) grace = 0;
  }
  bool at_once = grace == 0 && !has_finalizers(object) && !is_namespaces(kind);
  std::string key = kube::key_of(object);
  if (at_once) {
    Object status = success_status(kind, object);
    if (!options.dry_run) erase(kind, key, options.orphan);
    return status;
  }
  Object next = object;
  Object& metadata = metadata_of(next);
  bool sooner = kube::number_at(object, "metadata.deletionGracePeriodSeconds") > grace;
  if (!is_terminating(object) || sooner) {
    metadata["deletionTimestamp"] = timestamp_in(grace);
    if (is_pods(kind)) metadata["deletionGracePeriodSeconds"] = grace;
    if (kind.has_generation) metadata["generation"] = kube::number_at(object, "metadata.generation") + 1;
  }
  if (is_namespaces(kind)) member_object(next, "status")["phase"] = "Terminating";
  if (options.dry_run) return next;
  Object result = same_but_version(object, next) ? object : commit(kind, key, std::move(next));
  if (is_namespaces(kind)) {
    for (const Kind& each : kinds()) {
      if (!each.resource.namespaced || !each.stored_as.empty()) continue;
      Filter filter;
      filter.namespace_name = name;
      DeleteOptions contents = options;
      contents.uid.clear();
      contents.resource_version.clear();
      remove_collection(each, filter, contents);
    }
    finish_namespace(name);
  }
  return result;
}

std::vector<ObjectPointer> Registry::remove_collection(const Kind& kind, const Filter& filter,
                                                       const DeleteOptions& options) {
  std::vector<ObjectPointer> removed;
  for (const ObjectPointer& object : list(kind, filter)) {
    ObjectPointer current = store_.get(kind.collection(), kube::key_of(*object));
    if (!current) continue;  // its owner took it along
    removed.push_back(current);
    delete_object(kind, *current, options);
  }
  return removed;
}

void Registry::erase(const Kind& kind, const std::string& key, bool orphan) {
  // Before the owner goes: what names an owner that does not exist is garbage.
  if (orphan) release_dependents(text_at(*store_.get(kind.collection(), key), "metadata.uid"));
  ObjectPointer last = store_.remove(kind.collection(), key);
  if (is_services(kind)) addresses_.commit(key, nullptr);
  if (std::string service = service_of(kind, last.get()); !service.empty()) refresh_endpoints(service);
  if (!orphan) collect_garbage(text_at(*last, "metadata.uid"));
  if (kind.resource.namespaced) finish_namespace(text_at(*last, "metadata.namespace"));
}

std::vector<std::pair<std::string, std::string>> Registry::dependents_of(const std::string& owner_uid) const {
  std::vector<std::pair<std::string, std::string>> dependents;
  for (const std::string& collection : store_.collections()) {
    for (const auto& [key, object] : store_.list(collection)) {
      if (owned_by(*object, owner_uid)) dependents.emplace_back(collection, key);
    }
  }
  return dependents;
}

bool Registry::exists(const std::string& uid) const {
  for (const std::string& collection : store_.collections()) {
    for (const auto& [key, object] : store_.list(collection)) {
      if (text_at(*object, "metadata.uid") == uid) return true;
    }
  }
  return false;
}

// An object goes with the last of its owners; until then it forgets those that are gone.
void Registry::collect_garbage(const std::string& owner_uid) {
  for (const auto& [collection, key] : dependents_of(owner_uid)) {
    ObjectPointer object = store_.get(collection, key);
    if (!object) continue;
    json::array living = owners_that(*object, [&](const std::string& uid) { return uid != owner_uid && exists(uid); });
    if (living.empty()) {
      delete_object(kind_of_collection(collection), *object, {});
    } else {
      set_owners(collection, key, std::move(living));
    }
  }
}

void Registry::release_dependents(const std::string& owner_uid) {
  for (const auto& [collection, key] : dependents_of(owner_uid)) {
    ObjectPointer object = store_.get(collection, key);
    set_owners(collection, key, owners_that(*object, [&](const std::string& uid) { return uid != owner_uid; }));
  }
}

void Registry::set_owners(const std::string& collection, const std::string& key, json::array owners) {
  Object object = *store_.get(collection, key);
  Object& metadata = metadata_of(object);
  if (owners.empty()) {
    metadata.erase("ownerReferences");
  } else {
    metadata["ownerReferences"] = std::move(owners);
  }
  commit(kind_of_collection(collection), key, std::move(object));
}

void Registry::finish_namespace(const std::string& name) {
  ObjectPointer space = store_.get("namespaces", name);
  if (!space || !is_terminating(*space) || has_finalizers(*space)) return;
  for (const Kind& kind : kinds()) {
    if (!kind.resource.namespaced) continue;
    for (const auto& [key, object] : store_.list(kind.collection())) {
      if (text_at(*object, "metadata.namespace") == name) return;
    }
  }
  store_.remove("namespaces", name);
}

// The real server forgets events after an hour.
void Registry::limit_events() {
  constexpr size_t limit = 1000;
  const auto& events = store_.list("events");
  if (events.size() <= limit) return;
  auto version = [](const auto& entry) {
    return std::stoull("0" + text_at(*entry.second, "metadata.resourceVersion"));
  };
  auto oldest = std::min_element(events.begin(), events.end(),
                                 [&](const auto& left, const auto& right) { return version(left) < version(right); });
  store_.remove("events", std::string(oldest->first));
}

}  // namespace apiserver
