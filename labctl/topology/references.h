// References in the texts of a scenario to what only the running lab knows:
//   ${pod:LABELSELECTOR:INDEX:FIELD}      of the pods with these labels, sorted by name, the INDEX-th; name, ip or node
//   ${service:NAME[.NAMESPACE]:FIELD}     clusterIP; port or nodePort (those of its first port)
//   ${node:NAME:ip}                       its address on the cluster's network, or else the first one it has
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "labctl/topology/topology.h"

namespace topology {

struct PodReference {
  std::string selector;
  unsigned index = 0;
  enum class Field { name, ip, node } field = Field::name;
};
struct ServiceReference {
  std::string name;
  std::string namespace_name;
  enum class Field { cluster_ip, node_port, port } field = Field::cluster_ip;
};
struct NodeReference {
  std::string node;
};

struct Reference {
  std::string written;  // all of it: "${node:rs1:ip}"
  std::variant<PodReference, ServiceReference, NodeReference> what;
};

// What a "${" means that begins no reference: in a command line it is the shell's, elsewhere it is a mistake.
enum class TextKind { plain, command_line };

// A text, cut at its references.
using Piece = std::variant<std::string, Reference>;
// Throws base::Error with what is wrong and the mend.
std::vector<Piece> split_references(const std::string& text, TextKind kind);

// What ${node:NAME:ip} means.
std::optional<IpAddress> address_of(const Topology& topology, const Node& node);

}  // namespace topology
