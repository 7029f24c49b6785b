#include "labctl/topology/topology.h"

#include "labctl/topology/tables.h"
#include "labctl/topology/validate.h"
#include "labctl/topology/values.h"

namespace topology {
namespace {

Type<Network> network_type() {
  ObjectKind<Network> kind{"network", "A layer-2 segment: a bridge to which nodes are attached.", {}, nullptr, "", {}};
  kind.fields = {
      field<Network>("subnet", &Network::subnet, optional(located(prefix_type())),
                     "Its IPv4 subnet; gives its links the length of their addresses.", "192.168.1.0/24"),
      field<Network>("subnet6", &Network::subnet6, optional(located(prefix_type())), "Its IPv6 subnet.", "fd00:1::/64"),
      field<Network>("mtu", &Network::mtu, optional(mtu_type()), "The largest packet, in bytes.", "1500")};
  return object_type(std::move(kind));
}

Type<Mount> mount_type() {
  ObjectKind<Mount> kind{"mount", "A file or folder of the host that the lab may see.", {}, nullptr, "", {}};
  kind.fields = {required(field<Mount>("source", &Mount::source, text_type("a path"), "Its absolute path on the host.",
                                       "/home/me/my-proxy")),
                 field<Mount>("target", &Mount::target, text_type("a path"),
                              "Where it is seen; the same path where left out.", "/run/my-proxy"),
                 field<Mount>("writable", &Mount::writable, boolean_type(), "Whether the lab may write it.", "false")};
  return object_type(std::move(kind));
}

template <class V>
Type<std::vector<V>> named(std::string called, Type<V> inner) {
  return map_of<V, std::vector<V>>(
      std::move(called), inner,
      [](std::vector<V>& values, const yaml::Entry& entry, V value) {
        value.name = entry.key;
        value.at = entry.at;
        values.push_back(std::move(value));
      },
      refuse_label);
}

bool decode_cluster(const yaml::Node& node, std::optional<Cluster>& cluster, Faults& faults) {
  Cluster decoded;
  decoded.pod_cidr = {*Prefix::parse("10.244.0.0/16"), node.at};
  decoded.service_cidr = {*Prefix::parse("10.108.0.0/16"), node.at};
  if (!cluster_type().decode(node, decoded, faults)) return false;
  decoded.at = node.at;
  cluster = std::move(decoded);
  return true;
}

}  // namespace

ObjectKind<Topology> topology_kind() {
  Type<std::optional<Cluster>> cluster{decode_cluster, cluster_type().schema, "a cluster"};
  ObjectKind<Topology> kind{"topology", "One lab.", {}, nullptr, "", {}};
  kind.fields = {
      required(field<Topology>("version", &Topology::version, number_type<unsigned>("the format version", 1, 1),
                               "The version of this format.", "1")),
      required(field<Topology>("name", &Topology::name, located(label_type("a name (letters, digits, dashes)")),
                               "The lab's name, unless `labctl up --name` gives another.", "my-lab")),
      field<Topology>("description", &Topology::description, text_type(), "What the lab shows, in a sentence.",
                      "\"two machines on a wire\""),
      field<Topology>("networks", &Topology::networks, named("a mapping of networks", network_type()),
                      "The layer-2 segments, by name.", "{lan: {subnet: 192.168.1.0/24}}"),
      field<Topology>("nodes", &Topology::nodes, named("a mapping of nodes", node_type()), "The machines, by name.",
                      "{a: {links: {lan: 192.168.1.1}}}"),
      field<Topology>("cluster", &Topology::cluster, cluster, "A Kubernetes-style cluster of some of the nodes.",
                      "{controlPlane: cp, workers: [worker1], network: lan}"),
      field<Topology>("manifests", &Topology::manifests, list_of(manifest_type()),
                      "Kubernetes objects, inline or by path; needs a cluster.", "[web.yaml]"),
      field<Topology>("mounts", &Topology::mounts, list_of(mount_type()),
                      "Files and folders of the host that the lab may see, besides the system's.",
                      "[{source: /home/me/my-proxy}]"),
      field<Topology>("scenario", &Topology::scenario, list_of(step_type()), "What the lab is to show, step by step.",
                      "[{expect: {from: a, ping: 192.168.1.2}}]")};
  return kind;
}

const Network* Topology::find_network(const std::string& network) const {
  for (const Network& candidate : networks) {
    if (candidate.name == network) return &candidate;
  }
  return nullptr;
}

const Node* Topology::find_node(const std::string& node) const {
  for (const Node& candidate : nodes) {
    if (candidate.name == node) return &candidate;
  }
  return nullptr;
}

Topology parse(const std::string& text, const std::string& path) {
  Faults faults;
  Topology topology;
  topology.path = path;
  yaml::Node root = yaml::parse(text, faults);
  if (faults.empty() && root.kind != yaml::Node::Kind::mapping) {
    faults.add({1, 1}, "a topology is a mapping, start it with \"version: 1\" and \"name: my-lab\"");
  }
  if (faults.empty()) decode_object(topology_kind(), root, topology, faults);
  validate(topology, faults);
  if (!faults.empty()) throw InvalidTopology(path, faults.sorted());
  return topology;
}

}  // namespace topology
