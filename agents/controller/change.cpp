#include "agents/controller/change.h"

#include <fmt/format.h>

namespace controller {
namespace {

Change change_of(Change::Verb verb, const kube::Resource& resource, const kube::Metadata& metadata,
                 std::string summary) {
  Change change;
  change.verb = verb;
  change.resource = &resource;
  change.namespace_name = metadata.namespace_name;
  change.name = metadata.name;
  change.uid = metadata.uid;
  change.summary = std::move(summary);
  return change;
}

}  // namespace

Change create(const kube::Resource& resource, Object object, std::string summary) {
  Change change = change_of(Change::Verb::create, resource, kube::Metadata::parse(object), std::move(summary));
  change.body = std::move(object);
  return change;
}

Change patch(const kube::Resource& resource, const kube::Metadata& metadata, Object body, std::string summary) {
  Change change = change_of(Change::Verb::patch, resource, metadata, std::move(summary));
  change.body = std::move(body);
  boost::json::value& patched = change.body["metadata"];
  if (!patched.is_object()) patched.emplace_object();
  patched.get_object()["uid"] = metadata.uid;
  return change;
}

Change patch_status(const kube::Resource& resource, const kube::Metadata& metadata, Object status,
                    std::string summary) {
  Change change = patch(resource, metadata, Object{{"status", std::move(status)}}, std::move(summary));
  change.subresource = "status";
  return change;
}

Change remove(const kube::Resource& resource, const kube::Metadata& metadata, std::string summary) {
  return change_of(Change::Verb::remove, resource, metadata, std::move(summary));
}

Change bind(const kube::Pod& pod, const std::string& node, std::string summary) {
  const kube::Metadata& metadata = pod.metadata;
  Change change = change_of(Change::Verb::bind, kube::resources::pods, metadata, std::move(summary));
  change.body = {{"apiVersion", "v1"},
                 {"kind", "Binding"},
                 {"metadata", Object{{"name", metadata.name}, {"namespace", metadata.namespace_name}}},
                 {"target", Object{{"apiVersion", "v1"}, {"kind", "Node"}, {"name", node}}}};
  return change;
}

Change report(std::string summary) {
  Change change;
  change.summary = std::move(summary);
  return change;
}

Identity identity_of(const kube::Resource& resource, const kube::Metadata& metadata) {
  return {&resource, metadata.namespace_name, metadata.name, metadata.uid};
}

Event event_about(const kube::Resource& resource, const kube::Metadata& metadata, const std::string& component,
                  const std::string& type, const std::string& reason, const std::string& message) {
  return {&resource, metadata.namespace_name, metadata.name, metadata.uid, type, reason, message, component};
}

Object event_object(const Event& event) {
  // Events about what has no namespace are in "default"; their names end with the time, as client-go makes them.
  std::string namespace_name = event.namespace_name.empty() ? "default" : event.namespace_name;
  auto now = std::chrono::system_clock::now().time_since_epoch();
  std::string name =
      fmt::format("{}.{:x}", event.name, std::chrono::duration_cast<std::chrono::nanoseconds>(now).count());
  std::string time = kube::timestamp_now();
  Object about{{"kind", event.resource->kind},
               {"apiVersion", event.resource->api_version()},
               {"name", event.name},
               {"uid", event.uid}};
  if (!event.namespace_name.empty()) about["namespace"] = event.namespace_name;
  return {{"metadata", Object{{"name", name}, {"namespace", namespace_name}}},
          {"involvedObject", std::move(about)},
          {"reason", event.reason},
          {"message", event.message},
          {"source", Object{{"component", event.component}}},
          {"reportingComponent", event.component},
          {"type", event.type},
          {"firstTimestamp", time},
          {"lastTimestamp", time},
          {"count", 1}};
}

}  // namespace controller
