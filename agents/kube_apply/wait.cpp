#include "agents/kube_apply/wait.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <charconv>
#include <set>

#include "agents/kube_apply/apply.h"
#include "agents/kube_apply/services.h"
#include "lib/base/error.h"

namespace kube_apply {
namespace {

constexpr std::chrono::milliseconds poll_interval{100};

const kube::Resource& resource_of(Condition::Kind kind) {
  switch (kind) {
    case Condition::Kind::nodes:
      return kube::resources::nodes;
    case Condition::Kind::deployments:
      return kube::resources::deployments;
    case Condition::Kind::pods:
    case Condition::Kind::services:
    case Condition::Kind::proxies:
      break;
  }
  return kube::resources::pods;
}

std::string counted(size_t done, size_t wanted, const std::string& what) {
  return std::to_string(done) + " of " + std::to_string(wanted) + " " + what;
}

std::string missing_nodes(const Condition& condition, const std::vector<kube::Object>& objects) {
  size_t ready = 0;
  for (const kube::Object& object : objects) {
    if (kube::Node::parse(object).ready()) ++ready;
  }
  size_t wanted = condition.count > 0 ? condition.count : std::max<size_t>(objects.size(), 1);
  return ready >= wanted ? "" : counted(ready, wanted, "nodes are ready");
}

std::string missing_replicas(const kube::Object& object) {
  kube::Deployment deployment = kube::Deployment::parse(object);
  auto replicas = static_cast<size_t>(deployment.replicas);
  auto available = static_cast<size_t>(std::min(deployment.available_replicas, deployment.updated_replicas));
  bool observed = deployment.observed_generation >= deployment.metadata.generation;
  if (observed && available >= replicas && deployment.status_replicas <= deployment.replicas) return {};
  std::string what = "deployment " + deployment.metadata.key() + ": ";
  if (!observed) return what + "not yet seen by the controller";
  return what + counted(available, replicas, "replicas are available");
}

std::string missing_pod(const kube::Object& object) {
  kube::Pod pod = kube::Pod::parse(object);
  if (pod.ready() || pod.phase == "Succeeded") return {};
  std::string text = "pod " + pod.metadata.key() + ": " + pod.phase;
  if (pod.node_name.empty()) text += ", on no node";
  for (const auto& element : kube::array_at(object, "status.containerStatuses")) {
    if (!element.is_object()) continue;
    std::string reason = kube::text_at(element.get_object(), "state.waiting.reason");
    std::string message = kube::text_at(element.get_object(), "state.waiting.message");
    if (!reason.empty()) text += ", " + reason + (message.empty() ? "" : " (" + message + ")");
  }
  return text;
}

std::vector<kube::Object> list(Session& session, const kube::Resource& resource, const std::string& query = {}) {
  kube::Reply reply = session.call("GET", resource.path({}) + query);
  std::vector<kube::Object> objects;
  for (const auto& item : kube::array_at(reply.value(), "items")) {
    if (item.is_object()) objects.push_back(item.get_object());
  }
  return objects;
}

// The warnings say why a pod does not start.
std::string warnings(Session& session) {
  std::set<std::string> lines;
  kube::Reply reply = session.call("GET", kube::resources::events.path({}));
  for (const auto& element : kube::array_at(reply.body, "items")) {
    if (!element.is_object() || kube::text_at(element.get_object(), "type") != "Warning") continue;
    const kube::Object& event = element.get_object();
    lines.insert(kube::text_at(event, "involvedObject.kind") + " " + kube::text_at(event, "involvedObject.name") +
                 ": " + kube::text_at(event, "reason") + ": " + kube::text_at(event, "message"));
  }
  std::string text;
  size_t shown = 0;
  for (const std::string& line : lines) {
    if (++shown > 10) break;
    text += "\n  " + line;
  }
  return text;
}

// Those that a proxy has to know, as kube-proxy selects them.
std::vector<kube::Object> proxied(Session& session, const kube::Resource& resource) {
  return list(session, resource,
              "?labelSelector=!service.kubernetes.io/service-proxy-name,!service.kubernetes.io/headless");
}

std::string missing_one(Session& session, const Condition& condition, const std::vector<kube::Object>& applied) {
  using kube::resources::endpoint_slices;
  using kube::resources::services;
  if (condition.kind == Condition::Kind::services) {
    return missing_endpoints(applied, list(session, services), list(session, kube::resources::pods),
                             list(session, endpoint_slices));
  }
  if (condition.kind == Condition::Kind::proxies) {
    std::uint64_t version =
        std::max(newest_version(proxied(session, services)), newest_version(proxied(session, endpoint_slices)));
    return missing_proxies(list(session, kube::resources::nodes), version);
  }
  return missing(condition, list(session, resource_of(condition.kind)), applied);
}

std::string missing_now(Session& session, const std::vector<Condition>& conditions,
                        const std::vector<kube::Object>& applied) {
  for (const Condition& condition : conditions) {
    std::string text = missing_one(session, condition, applied);
    if (!text.empty()) return text;
  }
  return {};
}

}  // namespace

Condition Condition::parse(const std::string& text) {
  if (text == "nodes") return {Kind::nodes, 0};
  if (text == "deployments") return {Kind::deployments, 0};
  if (text == "pods") return {Kind::pods, 0};
  if (text == "services") return {Kind::services, 0};
  if (text == "proxies") return {Kind::proxies, 0};
  constexpr std::string_view nodes = "nodes=";
  Condition condition;
  if (text.starts_with(nodes)) {
    const char* begin = text.data() + nodes.size();
    const char* end = text.data() + text.size();
    auto [stop, failure] = std::from_chars(begin, end, condition.count);
    if (failure == std::errc() && stop == end && condition.count > 0) return condition;
  }
  throw base::Error("\"" + text +
                    "\" is not a condition; there are nodes, nodes=COUNT, deployments, pods, services and proxies");
}

std::string missing(const Condition& condition, const std::vector<kube::Object>& objects,
                    const std::vector<kube::Object>& applied) {
  if (condition.kind == Condition::Kind::nodes) return missing_nodes(condition, objects);
  bool pods = condition.kind == Condition::Kind::pods;
  std::set<std::string> wanted = applied_keys(applied, pods ? "Pod" : "Deployment");
  std::string text;
  for (const kube::Object& object : objects) {
    if (wanted.erase(kube::key_of(object)) == 0) continue;
    std::string one = pods ? missing_pod(object) : missing_replicas(object);
    if (!one.empty()) text += (text.empty() ? "" : "; ") + one;
  }
  for (const std::string& key : wanted) {
    text += (text.empty() ? "" : "; ") + std::string(pods ? "pod " : "deployment ") + key + ": gone";
  }
  return text;
}

void wait_for(Session& session, const std::vector<Condition>& conditions, const std::vector<kube::Object>& applied,
              std::ostream& progress) {
  std::string last;
  for (;;) {
    std::string text = missing_now(session, conditions, applied);
    if (text.empty()) return;
    if (text != last) progress << "waiting: " << text << std::endl;
    last = text;
    if (!session.sleep(poll_interval)) throw base::Error("not ready in time: " + text + warnings(session));
  }
}

}  // namespace kube_apply
