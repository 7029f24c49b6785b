#include "agents/kube_apply/apply.h"

#include <algorithm>
#include <boost/json/value.hpp>
#include <string>

#include "lib/base/error.h"

namespace kube_apply {
namespace {

std::string description(const kube::Object& object) {
  std::string name = kube::key_of(object);
  if (name.empty() || name.ends_with('/')) name += kube::text_at(object, "metadata.generateName");
  return kube::text_at(object, "kind") + " " + name;
}

void set_namespace(kube::Object& object) {
  if (!kube::text_at(object, "metadata.namespace").empty()) return;
  object["metadata"].as_object()["namespace"] = "default";
}

// Server-side apply creates what does not exist and changes what does, in one request.
kube::Reply apply_one(Session& session, const kube::Resource& resource, const kube::Object& object) {
  std::string namespace_name = kube::text_at(object, "metadata.namespace");
  std::string name = kube::text_at(object, "metadata.name");
  boost::json::value body = object;
  if (name.empty()) return session.call("POST", resource.path(namespace_name), &body, "application/json");
  return session.call("PATCH", resource.path(namespace_name, name) + "?fieldManager=kube-apply&force=true", &body,
                      std::string(kube::content_type(kube::PatchType::apply)));
}

}  // namespace

void apply(Session& session, std::vector<kube::Object> objects, std::ostream& progress) {
  std::stable_partition(objects.begin(), objects.end(),
                        [](const kube::Object& object) { return kube::text_at(object, "kind") == "Namespace"; });
  std::string refusals;
  for (kube::Object& object : objects) {
    try {
      const kube::Resource& resource =
          session.resource_of(kube::text_at(object, "apiVersion"), kube::text_at(object, "kind"));
      if (resource.namespaced) set_namespace(object);
      kube::Reply reply = apply_one(session, resource, object);
      if (!reply.ok()) {
        std::string message = kube::text_at(reply.body, "message");
        throw base::Error(message.empty() ? reply.error : message);
      }
      progress << description(object) << (reply.status == 201 ? " created" : " configured") << std::endl;
    } catch (const base::Error& error) {
      refusals += (refusals.empty() ? "" : "\n") + description(object) + ": " + error.what();
    }
  }
  if (!refusals.empty()) throw base::Error(refusals);
}

std::set<std::string> applied_keys(const std::vector<kube::Object>& applied, const std::string& kind) {
  std::set<std::string> keys;
  for (const kube::Object& object : applied) {
    if (kube::text_at(object, "kind") != kind) continue;
    std::string namespace_name = kube::text_at(object, "metadata.namespace", "default");
    keys.insert(namespace_name + "/" + kube::text_at(object, "metadata.name"));
  }
  return keys;
}

}  // namespace kube_apply
