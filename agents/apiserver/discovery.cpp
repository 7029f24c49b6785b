#include "agents/apiserver/discovery.h"

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <map>
#include <set>
#include <vector>

#include "agents/apiserver/kind.h"

namespace apiserver {
namespace {

namespace json = boost::json;
using base::http::Response;

Response json_response(const json::value& value) {
  Response response;
  response.body = json::serialize(value);
  return response;
}

json::array strings(const std::vector<std::string>& list) {
  return json::array(list.begin(), list.end());
}

struct Subresource {
  std::string name;
  std::string group, version, kind;
  std::vector<std::string> verbs;
};

const std::vector<std::string>& object_verbs() {
  static const std::vector<std::string> verbs{"create", "delete", "deletecollection", "get",
                                              "list",   "patch",  "update",           "watch"};
  return verbs;
}

std::vector<Subresource> subresources(const Kind& kind) {
  const kube::Resource& resource = kind.resource;
  std::vector<Subresource> result;
  for (const std::string& name : kind.other_subresources) {
    std::string shown = name == "eviction" ? "Eviction" : name == "binding" ? "Binding" : resource.kind;
    std::string group = name == "eviction" ? "policy" : resource.group;
    bool reads = name == "log" || name == "exec" || name == "attach" || name == "portforward";
    std::vector<std::string> verbs{name == "finalize" ? "update" : "create"};
    if (reads) verbs = {"create", "get"};
    if (name == "log") verbs = {"get"};
    result.push_back({name, group, "v1", shown, verbs});
  }
  if (kind.has_scale) result.push_back({"scale", "autoscaling", "v1", "Scale", {"get", "patch", "update"}});
  if (kind.has_status) {
    result.push_back({"status", resource.group, resource.version, resource.kind, {"get", "patch", "update"}});
  }
  return result;
}

json::array categories(const Kind& kind) {
  static const std::set<std::string> all{"pods", "services", "deployments.apps", "replicasets.apps"};
  return all.count(kind.qualified_name()) > 0 ? json::array{"all"} : json::array();
}

// Group → its versions, in the order of the table.
std::map<std::string, std::vector<std::string>> group_versions() {
  std::map<std::string, std::vector<std::string>> groups;
  for (const Kind& kind : kinds()) {
    std::vector<std::string>& versions = groups[kind.resource.group];
    if (versions.empty() || versions.back() != kind.resource.version) versions.push_back(kind.resource.version);
  }
  return groups;
}

Object group_description(const std::string& group, const std::vector<std::string>& versions) {
  json::array list;
  for (const std::string& version : versions) {
    list.push_back(Object{{"groupVersion", group + "/" + version}, {"version", version}});
  }
  return {{"name", group}, {"preferredVersion", list.front()}, {"versions", std::move(list)}};
}

Object group_list() {
  json::array groups;
  for (const auto& [group, versions] : group_versions()) {
    if (!group.empty()) groups.push_back(group_description(group, versions));
  }
  return {{"kind", "APIGroupList"}, {"apiVersion", "v1"}, {"groups", std::move(groups)}};
}

json::value resource_list(const std::string& group, const std::string& version) {
  json::array resources;
  for (const Kind& kind : kinds()) {
    if (kind.resource.group != group || kind.resource.version != version) continue;
    Object resource{{"name", kind.resource.plural},
                    {"singularName", kind.singular},
                    {"namespaced", kind.resource.namespaced},
                    {"kind", kind.resource.kind},
                    {"verbs", strings(object_verbs())}};
    if (!kind.short_names.empty()) resource["shortNames"] = strings(kind.short_names);
    if (json::array list = categories(kind); !list.empty()) resource["categories"] = std::move(list);
    resources.push_back(std::move(resource));
    for (const Subresource& each : subresources(kind)) {
      Object entry{{"name", kind.resource.plural + "/" + each.name},
                   {"singularName", ""},
                   {"namespaced", kind.resource.namespaced},
                   {"kind", each.kind},
                   {"verbs", strings(each.verbs)}};
      if (each.group != group) entry["group"] = each.group;
      if (each.group != group) entry["version"] = each.version;
      resources.push_back(std::move(entry));
    }
  }
  return Object{{"kind", "APIResourceList"},
                {"apiVersion", "v1"},
                {"groupVersion", group.empty() ? version : group + "/" + version},
                {"resources", std::move(resources)}};
}

// apidiscovery.k8s.io: everything in two answers instead of one per group; kubectl since 1.26 asks for it.
Object aggregated_resources(const Kind& kind) {
  const kube::Resource& resource = kind.resource;
  Object entry{
      {"resource", resource.plural},
      {"responseKind", Object{{"group", resource.group}, {"version", resource.version}, {"kind", resource.kind}}},
      {"scope", resource.namespaced ? "Namespaced" : "Cluster"},
      {"singularResource", kind.singular},
      {"verbs", strings(object_verbs())}};
  if (!kind.short_names.empty()) entry["shortNames"] = strings(kind.short_names);
  if (json::array list = categories(kind); !list.empty()) entry["categories"] = std::move(list);
  json::array below;
  for (const Subresource& each : subresources(kind)) {
    below.push_back(
        Object{{"subresource", each.name},
               {"responseKind", Object{{"group", each.group}, {"version", each.version}, {"kind", each.kind}}},
               {"verbs", strings(each.verbs)}});
  }
  if (!below.empty()) entry["subresources"] = std::move(below);
  return entry;
}

Response aggregated(bool core) {
  json::array items;
  for (const auto& [group, versions] : group_versions()) {
    if (group.empty() != core) continue;
    json::array list;
    for (const std::string& version : versions) {
      json::array resources;
      for (const Kind& kind : kinds()) {
        if (kind.resource.group == group && kind.resource.version == version) {
          resources.push_back(aggregated_resources(kind));
        }
      }
      list.push_back(Object{{"version", version}, {"freshness", "Current"}, {"resources", std::move(resources)}});
    }
    Object metadata;
    if (!group.empty()) metadata["name"] = group;
    items.push_back(Object{{"metadata", std::move(metadata)}, {"versions", std::move(list)}});
  }
  Response response = json_response(Object{{"kind", "APIGroupDiscoveryList"},
                                           {"apiVersion", "apidiscovery.k8s.io/v2"},
                                           {"metadata", Object()},
                                           {"items", std::move(items)}});
  response.content_type = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
  return response;
}

Response version() {
  return json_response(Object{{"major", "1"},
                              {"minor", "32"},
                              {"gitVersion", "v1.32.0+labctl"},
                              {"gitCommit", ""},
                              {"gitTreeState", "clean"},
                              {"buildDate", "1970-01-01T00:00:00Z"},
                              {"goVersion", "none"},
                              {"compiler", "gcc"},
                              {"platform", "linux/amd64"}});
}

void append_field(std::string& message, int number, const std::string& bytes) {
  message += static_cast<char>(number << 3 | 2);
  message += static_cast<char>(bytes.size());  // all of ours are shorter than 128 bytes
  message += bytes;
}

// kubectl reads this document as protobuf only (gnostic's openapi_v2.Document: swagger = 1, info = 2, paths = 8). One
// without definitions makes its client-side validation let everything pass: the server validates.
Response openapi_v2() {
  std::string info, document;
  append_field(info, 1, "Kubernetes");
  append_field(info, 2, "v1.32.0");
  append_field(document, 1, "2.0");
  append_field(document, 2, info);
  append_field(document, 8, "");
  Response response;
  response.content_type = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";
  response.body = document;
  return response;
}

std::string version_path(const std::string& group, const std::string& version) {
  return group.empty() ? "api/" + version : "apis/" + group + "/" + version;
}

Object openapi_v3_index() {
  Object paths;
  for (const auto& [group, versions] : group_versions()) {
    for (const std::string& each : versions) {
      std::string path = version_path(group, each);
      paths[path] = Object{{"serverRelativeURL", "/openapi/v3/" + path + "?hash=1"}};
    }
  }
  return {{"paths", std::move(paths)}};
}

// kubectl looks here whether PATCH knows dryRun and fieldValidation, and leaves validation to the server then.
Object openapi_v3_document(const std::string& wanted) {
  Object paths;
  for (const Kind& kind : kinds()) {
    const kube::Resource& resource = kind.resource;
    if (version_path(resource.group, resource.version) != wanted) continue;
    json::array parameters;
    for (const char* name : {"dryRun", "fieldManager", "fieldValidation", "force"}) {
      parameters.push_back(Object{{"name", name}, {"in", "query"}, {"schema", Object{{"type", "string"}}}});
    }
    Object operation{{"parameters", std::move(parameters)},
                     {"responses", Object{{"200", Object{{"description", "OK"}}}}},
                     {"x-kubernetes-action", "patch"},
                     {"x-kubernetes-group-version-kind",
                      Object{{"group", resource.group}, {"version", resource.version}, {"kind", resource.kind}}}};
    std::string path = resource.path(resource.namespaced ? "{namespace}" : "", "{name}");
    paths[path] = Object{{"patch", std::move(operation)}};
  }
  return {{"openapi", "3.0.0"},
          {"info", Object{{"title", "Kubernetes"}, {"version", "v1.32.0"}}},
          {"paths", std::move(paths)},
          {"components", Object{{"schemas", Object()}}}};
}

std::optional<Response> group_answer(const std::string& path) {
  constexpr std::string_view prefix = "/apis/";
  std::string rest = path.substr(prefix.size());
  size_t slash = rest.find('/');
  std::string group = rest.substr(0, slash);
  auto groups = group_versions();
  auto found = groups.find(group);
  if (group.empty() || found == groups.end()) return std::nullopt;
  if (slash == std::string::npos) {
    Object description = group_description(group, found->second);
    description["kind"] = "APIGroup";
    description["apiVersion"] = "v1";
    return json_response(description);
  }
  std::string wanted = rest.substr(slash + 1);
  for (const std::string& each : found->second) {
    if (each == wanted) return json_response(resource_list(group, wanted));
  }
  return std::nullopt;
}

}  // namespace

std::optional<Response> describe_api(const std::string& full_path, const std::string& accept) {
  std::string path = full_path;
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  bool wants_aggregated = accept.find("g=apidiscovery.k8s.io;v=v2;") != std::string::npos;
  if (path == "/healthz" || path == "/readyz" || path == "/livez" || path == "/ping") {
    return Response{200, "ok", "text/plain", {}};
  }
  if (path == "/version") return version();
  if (path == "/api" && wants_aggregated) return aggregated(true);
  if (path == "/apis" && wants_aggregated) return aggregated(false);
  if (path == "/api") {
    return json_response(Object{
        {"kind", "APIVersions"}, {"versions", json::array{"v1"}}, {"serverAddressByClientCIDRs", json::array()}});
  }
  if (path == "/apis") return json_response(group_list());
  if (path == "/api/v1") return json_response(resource_list("", "v1"));
  if (path == "/openapi/v2") return openapi_v2();
  if (path == "/openapi/v3") return json_response(openapi_v3_index());
  constexpr std::string_view v3 = "/openapi/v3/";
  if (path.starts_with(v3)) return json_response(openapi_v3_document(path.substr(v3.size())));
  if (path.starts_with("/apis/")) return group_answer(path);
  if (path == "/") {
    json::array paths{"/api",        "/api/v1",     "/apis",   "/healthz", "/livez",
                      "/openapi/v2", "/openapi/v3", "/readyz", "/version"};
    return json_response(Object{{"paths", std::move(paths)}});
  }
  return std::nullopt;
}

}  // namespace apiserver
