#include "labctl/topology/topology.h"

#include "labctl/topology/tables.h"
#include "labctl/topology/validate.h"
#include "labctl/topology/values.h"

namespace topology {
namespace {

Type<Mount> mount_type() {
  ObjectKind<Mount> kind{"mount", "A file or folder of the host that the lab may see.", "{source: /home/me/my-proxy}"};
  kind.fields = {
      required(
          field<Mount>("source", &Mount::source, path_type(), "Its absolute path on the host.", "/home/me/my-proxy")),
      field<Mount>("target", &Mount::target, path_type(), "Where it is seen; the same path where left out.",
                   "/run/my-proxy"),
      field<Mount>("writable", &Mount::writable, boolean_type(),
                   "Whether the lab may write it; whoever starts it must say `--allow-writable` then.", "false")};
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
      label_rule());
}

bool decode_cluster(const yaml::Node& node, std::optional<Cluster>& cluster, Faults& faults) {
  Cluster decoded;
  decoded.pod_cidr = {*Prefix::parse("10.244.0.0/16"), node.at};
  decoded.service_cidr = {*Prefix::parse("10.108.0.0/16"), node.at};
  bool good = cluster_type().decode(node, decoded, faults);
  decoded.at = node.at;
  // Kept though it is at fault: what needs a cluster is not wrong for that.
  cluster = std::move(decoded);
  return good;
}

Type<unsigned> version_type() {
  Type<unsigned> number = number_type<unsigned>("version", 1, 1);
  return {[number](const yaml::Node& node, unsigned& version, Faults& faults) {
            std::optional<std::uint64_t> other = node.quoted ? std::nullopt : parse_unsigned(node.text);
            if (!other || *other == 1) return number.decode(node, version, faults);
            faults.add(node.at,
                       fmt::format("version {} of the format is unknown to this labctl, write version: 1", *other));
            return false;
          },
          number.schema, number.called};
}

Type<Mount> located_mount_type() {
  Type<Mount> mount = mount_type();
  return {[mount](const yaml::Node& node, Mount& value, Faults& faults) {
            value.at = node.at;
            return mount.decode(node, value, faults);
          },
          mount.schema, mount.called};
}

}  // namespace

ObjectKind<Topology> topology_kind() {
  Type<std::optional<Cluster>> cluster{decode_cluster, cluster_type().schema, "a cluster"};
  ObjectKind<Topology> kind{"topology", "One lab.", "{version: 1, name: my-lab, nodes: {a: {}}}"};
  kind.fields = {
      required(field<Topology>("version", &Topology::version, version_type(), "The version of this format.", "1")),
      required(field<Topology>("name", &Topology::name, located(label_type()),
                               "The lab's name, unless `labctl up --name` gives another.", "my-lab")),
      field<Topology>("description", &Topology::description, text_type(), "What the lab shows, in a sentence.",
                      "\"two machines on a wire\""),
      field<Topology>("networks", &Topology::networks, named("a mapping of networks", network_type()),
                      "The layer-2 segments, by name.", "{lan: {subnet: 192.168.1.0/24}}"),
      field<Topology>("nodes", &Topology::nodes, named("a mapping of nodes", node_type()), "The machines, by name.",
                      "{a: {links: {lan: 192.168.1.1}}}"),
      field<Topology>("cluster", &Topology::cluster, cluster, "A Kubernetes-style cluster of some of the nodes.",
                      "{controlPlane: cp, workers: [worker1], network: lan}"),
      field<Topology>("manifests", &Topology::manifests, list_of(manifest_type(), "manifests"),
                      "Kubernetes objects, inline or by path; needs a cluster.", "[web.yaml]"),
      field<Topology>("mounts", &Topology::mounts, list_of(located_mount_type(), "mounts"),
                      "Files and folders of the host that the lab may see, besides the system's.",
                      "[{source: /home/me/my-proxy}]"),
      field<Topology>("scenario", &Topology::scenario, list_of(step_type(), "steps"),
                      "What the lab is to show, step by step.", "[{expect: {from: a, ping: 192.168.1.2}}]")};
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

namespace {

void decode_root(const std::string& text, Topology& topology, Faults& faults) {
  yaml::Node root = yaml::parse(text, faults);
  // What could be read is looked at in spite of faults: every one at once.
  if (root.kind != yaml::Node::Kind::mapping) {
    if (!faults.empty()) return;
    faults.add({1, 1}, "a topology is a mapping, start it with \"version: 1\" and \"name: my-lab\"");
    return;
  }
  decode_object(topology_kind(), root, topology, faults);
  for (Manifest& manifest : topology.manifests) {
    if (manifest.path.empty()) manifest.source = fmt::format("{}:{}", topology.path, manifest.at.line);
  }
  validate(topology, faults);
}

}  // namespace

Topology parse(const std::string& text, const std::string& path) {
  Faults faults;
  Topology topology;
  topology.path = path;
  try {
    decode_root(text, topology, faults);
  } catch (const Faults::TooMany&) {
    // What is known already is enough.
  }
  if (!faults.empty()) throw InvalidTopology(path, faults.sorted());
  return topology;
}

}  // namespace topology
