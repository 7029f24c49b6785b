#include "labctl/topology/tables.h"
#include "labctl/topology/values.h"

namespace topology {
namespace {

template <class A>
void add_agent_fields(ObjectKind<A>& kind) {
  kind.fields.push_back(field<A>("run", &A::run, optional(text_type("a command line")),
                                 "A program of yours instead of ours; $API, $NODE and $NODE_IP are set for it.",
                                 "\"/home/me/my-proxy --master=$API\""));
  kind.fields.push_back(
      field<A>("enabled", &A::enabled, boolean_type(), "Whether the cluster has this agent at all.", "true"));
}

Type<ProxyAgent> proxy_type() {
  ObjectKind<ProxyAgent> kind{"proxy", "The agent that programs Services into each node's kernel.", {}, nullptr, "",
                              {}};
  kind.fields = {
      field<ProxyAgent>("mode", &ProxyAgent::mode, choice_type({"ipvs"}), "How Services are programmed.", "ipvs"),
      field<ProxyAgent>("scheduler", &ProxyAgent::scheduler,
                        choice_type({"rr", "wrr", "lc", "wlc", "sh", "dh", "sed", "nq", "mh"}), "The IPVS scheduler.",
                        "rr")};
  add_agent_fields(kind);
  return object_type(std::move(kind));
}

Type<OverlayAgent> overlay_type() {
  ObjectKind<OverlayAgent> kind{"overlay", "The agent that carries pods' packets from node to node.", {}, nullptr, "",
                                {}};
  kind.fields = {field<OverlayAgent>("backend", &OverlayAgent::backend, choice_type({"vxlan", "host-gw"}),
                                     "How they are carried.", "vxlan")};
  add_agent_fields(kind);
  return object_type(std::move(kind));
}

bool has_text(const yaml::Node* node) {
  return node != nullptr && node->kind == yaml::Node::Kind::scalar && !node->text.empty();
}

// Numbers, booleans and null keep their meaning in JSON (the YAML 1.2 core schema).
boost::json::value to_json(const yaml::Node& node) {
  if (node.kind == yaml::Node::Kind::mapping) {
    boost::json::object object;
    for (const yaml::Entry& entry : node.entries) object[entry.key] = to_json(entry.value);
    return object;
  }
  if (node.kind == yaml::Node::Kind::sequence) {
    boost::json::array array;
    for (const yaml::Node& item : node.items) array.push_back(to_json(item));
    return array;
  }
  if (node.quoted) return boost::json::value(node.text);
  if (node.is_null()) return nullptr;
  if (node.text == "true") return true;
  if (node.text == "false") return false;
  bool negative = node.text.front() == '-';
  std::optional<std::uint64_t> number = parse_unsigned(negative ? node.text.substr(1) : node.text);
  if (!number) return boost::json::value(node.text);
  auto integer = static_cast<std::int64_t>(*number);
  return negative ? -integer : integer;
}

bool decode_manifest(const yaml::Node& node, Manifest& manifest, Faults& faults) {
  manifest.at = node.at;
  if (node.kind == yaml::Node::Kind::scalar && !node.text.empty()) {
    manifest.path = node.text;
    manifest.source = node.text;
    return true;
  }
  const yaml::Node* metadata = node.find("metadata");
  bool object = has_text(node.find("apiVersion")) && has_text(node.find("kind")) && metadata != nullptr &&
                (has_text(metadata->find("name")) || has_text(metadata->find("generateName")));
  if (!object) {
    faults.add(node.at,
               "a manifest is a Kubernetes object with apiVersion, kind and metadata.name, or the path of a file");
    return false;
  }
  manifest.json = boost::json::serialize(to_json(node));
  return true;
}

}  // namespace

Type<Cluster> cluster_type() {
  ObjectKind<Cluster> kind{"cluster", "Makes nodes of the topology into a Kubernetes-style cluster.", {}, nullptr, "",
                           {}};
  kind.fields = {
      required(field<Cluster>("controlPlane", &Cluster::control_plane, located(text_type("the name of a node")),
                              "The node that runs the API server and the controller.", "cp")),
      required(field<Cluster>("workers", &Cluster::workers, list_of(located(text_type("names of nodes"))),
                              "The nodes that run pods.", "[worker1, worker2]")),
      required(field<Cluster>("network", &Cluster::network, located(text_type("the name of a network")),
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
