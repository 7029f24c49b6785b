// hostPort: a port of the node that leads to a port of a pod, as CNI's portmap plugin does it, with its names.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lib/kube/objects.h"
#include "lib/netfilter/iptables.h"

namespace nodelet {

struct HostPort {
  std::string protocol;  // "tcp", "udp", "sctp"
  std::uint16_t port = 0;
  std::string host_ip;  // empty: any address of the node
  std::uint16_t pod_port = 0;

  bool operator==(const HostPort&) const = default;
};

// What a pod has with it, in the order of its containers. Pods in the node's own network need none.
std::vector<HostPort> host_ports_of(const kube::Pod& pod);

struct PortMapping {
  std::string pod_ip;
  std::string pod_subnet;
  std::vector<HostPort> ports;

  bool operator==(const PortMapping&) const = default;
};
using PortMappings = std::map<std::string, PortMapping>;  // by pod: "namespace/name"

// "CNI-DN-" and 21 characters.
std::string host_port_chain(const std::string& pod);
// The nat table for MAPPINGS, where PRESENT is in place: built-in chains get the jumps that they lack, and the chains
// of pods that are not mapped are deleted.
netfilter::IptablesTable host_port_table(const PortMappings& mappings, const netfilter::IptablesRules& present);

class HostPorts {
 public:
  // Nothing is touched until the first pod with a host port comes. Throws base::Error where the kernel refuses; then
  // ensure() tries again.
  void set(const std::string& pod, const PortMapping& mapping);
  void remove(const std::string& pod);

  // Until now mappings were only remembered: what an earlier run has left goes on leading to its pods until all of them
  // are known. MAY_BE_LEFT: whether there may be anything of the kind.
  void begin(bool may_be_left);
  // Writes everything anew where it is not in place; returns whether it was not. Costs next to nothing where nobody has
  // changed the table since the last time.
  bool ensure();

 private:
  bool write(const netfilter::IptablesRules& present);

  std::optional<netfilter::Iptables> iptables_;  // chosen with the first use
  PortMappings mappings_;
  bool begun_ = false;
  bool changed_ = false;  // since all was in place
  std::optional<std::uint64_t> in_place_;
};

}  // namespace nodelet
