#include <fmt/format.h>

#include "labctl/topology/json.h"
#include "labctl/topology/tables.h"
#include "labctl/topology/values.h"

namespace topology {
namespace {

template <class A>
void add_agent_fields(ObjectKind<A>& kind) {
  kind.fields.push_back(field<A>("run", &A::run, optional(word_type("a command line")),
                                 "A program of yours instead of ours; $API, $NODE and $NODE_IP are set for it.",
                                 "\"/home/me/my-proxy --master=$API\""));
  kind.fields.push_back(
      field<A>("enabled", &A::enabled, boolean_type(), "Whether the cluster has this agent at all.", "true"));
}

Type<ProxyAgent> proxy_type() {
  ObjectKind<ProxyAgent> kind{"proxy", "The agent that programs Services into each node's kernel.", "{mode: ipvs}"};
  kind.fields = {field<ProxyAgent>("mode", &ProxyAgent::mode, choice_type({"ipvs", "iptables"}),
                                   "How Services are programmed.", "ipvs"),
                 field<ProxyAgent>("scheduler", &ProxyAgent::scheduler,
                                   choice_type({"rr", "wrr", "lc", "wlc", "sh", "dh", "sed", "nq", "mh"}),
                                   "The scheduler of mode ipvs.", "rr")};
  add_agent_fields(kind);
  Type<ProxyAgent> type = object_type(std::move(kind));
  type.decode = [decode = type.decode](const yaml::Node& node, ProxyAgent& proxy, Faults& faults) {
    if (!decode(node, proxy, faults)) return false;
    const yaml::Node* scheduler = node.find("scheduler");
    if (scheduler == nullptr || proxy.mode == "ipvs") return true;
    faults.add(scheduler->at,
               fmt::format("mode {} has no scheduler, since chance picks the endpoint; remove this", proxy.mode));
    return false;
  };
  return type;
}

Type<OverlayAgent> overlay_type() {
  ObjectKind<OverlayAgent> kind{"overlay", "The agent that carries pods' packets from node to node.",
                                "{backend: vxlan}"};
  kind.fields = {field<OverlayAgent>("backend", &OverlayAgent::backend, choice_type({"vxlan", "udp", "host-gw"}),
                                     "How they are carried.", "vxlan")};
  add_agent_fields(kind);
  return object_type(std::move(kind));
}

bool has_text(const yaml::Node* node) {
  return node != nullptr && node->kind == yaml::Node::Kind::scalar && !node->text.empty();
}

// Empty, or what keeps NODE from being a Kubernetes object.
std::string refuse_object(const yaml::Node& node) {
  if (node.kind != yaml::Node::Kind::mapping) return yaml::describe(node);
  for (const char* key : {"apiVersion", "kind"}) {
    if (!has_text(node.find(key))) return fmt::format("one without {}", key);
  }
  const yaml::Node* metadata = node.find("metadata");
  if (metadata == nullptr) return "one without metadata";
  bool named = has_text(metadata->find("name")) || has_text(metadata->find("generateName"));
  return named ? "" : "one without metadata.name";
}

bool decode_manifest(const yaml::Node& node, Manifest& manifest, Faults& faults) {
  manifest.at = node.at;
  if (node.kind == yaml::Node::Kind::scalar && !node.text.empty()) {
    manifest.path = node.text;
    manifest.source = node.text;
    return true;
  }
  std::string refusal = refuse_object(node);
  if (!refusal.empty()) {
    faults.add(node.at, fmt::format("expected a Kubernetes object (apiVersion, kind, metadata.name), or the path of a "
                                    "file of them, found {}",
                                    refusal));
    return false;
  }
  manifest.json = boost::json::serialize(yaml::to_json(node));
  return true;
}

}  // namespace

Type<Cluster> cluster_type() {
  ObjectKind<Cluster> kind{"cluster", "Makes nodes of the topology into a Kubernetes-style cluster.",
                           "{controlPlane: cp, workers: [worker1], network: lan}"};
  kind.fields = {
      required(field<Cluster>("controlPlane", &Cluster::control_plane, located(word_type("the name of a node")),
                              "The node that runs the API server and the controller.", "cp")),
      required(field<Cluster>("workers", &Cluster::workers,
                              not_empty(list_of(located(word_type("the name of a node")), "names of nodes"),
                                        "name at least one: without workers no pod runs"),
                              "The nodes that run pods.", "[worker1, worker2]")),
      required(field<Cluster>("network", &Cluster::network, located(word_type("the name of a network")),
                              "The network that the cluster's nodes reach each other over.", "lan")),
      field<Cluster>("podCIDR", &Cluster::pod_cidr, located(prefix_type()),
                     "Where pods get their addresses from; a /24 a node.", "10.244.0.0/16"),
      field<Cluster>("serviceCIDR", &Cluster::service_cidr, located(prefix_type()),
                     "Where Services get their cluster IPs from.", "10.108.0.0/16"),
      field<Cluster>("proxy", &Cluster::proxy, proxy_type(), "The proxy on each worker.", "{mode: ipvs}"),
      field<Cluster>("overlay", &Cluster::overlay, overlay_type(), "The overlay on each node.", "{backend: vxlan}")};
  return object_type(std::move(kind));
}

Type<Manifest> manifest_type() {
  return {
      decode_manifest,
      [](SchemaBuilder&) {
        return boost::json::object{
            {"anyOf", {{{"type", "string"}}, {{"type", "object"}, {"required", {"apiVersion", "kind", "metadata"}}}}}};
      },
      "a Kubernetes object, or the path of a file of them"};
}

}  // namespace topology
