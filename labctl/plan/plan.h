// The plan: what has to be done to a kernel so that a topology becomes a lab, in its order. A pure function of the
// topology: the same file gives the same names, addresses, MACs and operations.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "labctl/topology/topology.h"
#include "lib/netlink/address.h"

namespace plan {

using netlink::IpAddress;
using netlink::MacAddress;
using netlink::Prefix;

// An interface name of at most 15 characters, and the full one as alternative name where it had to be shortened.
struct InterfaceName {
  std::string name;
  std::string alternative;  // empty: NAME is the full one
};
InterfaceName interface_name(const std::string& full);

// ---- operations; the empty node is the lab's own namespace, the switch, where the networks' bridges are

struct CreateNode {
  std::string node;
  bool ipv6 = false;  // off where no address of it needs it: detection and flooding cost time
};
struct PortVlans {
  std::optional<std::uint16_t> untagged;
  std::vector<std::uint16_t> tagged;
  bool empty() const { return !untagged && tagged.empty(); }
};
struct BridgePort {
  InterfaceName name;  // a link of the node that exists already
  PortVlans vlans;     // of none: as the kernel has it
};
struct CreateBridge {
  std::string node;
  InterfaceName name;
  MacAddress mac;  // of its own: otherwise it changes with its ports
  std::optional<std::uint32_t> mtu;
  std::vector<BridgePort> ports;
  bool vlan_filtering = false;
  PortVlans vlans = {};  // the node's own
};
// A cable from a node to a network: created in place, the switch's end up and in its bridge.
struct CreateCable {
  std::string node;
  InterfaceName name;
  MacAddress mac;
  std::optional<std::uint32_t> mtu;
  InterfaceName bridge;
  InterfaceName switch_end;
  MacAddress switch_mac;
};
// The cable of a point-to-point network, both ends created in place.
struct CreateWire {
  std::string network;
  std::string node;
  InterfaceName name;
  MacAddress mac;
  std::optional<std::uint32_t> mtu;
  std::string peer_node;
  InterfaceName peer_name;
  MacAddress peer_mac;
  std::optional<std::uint32_t> peer_mtu;
};
struct CreateDummy {
  std::string node;
  InterfaceName name;
  MacAddress mac;
  std::optional<std::uint32_t> mtu;
};
struct CreateVxlan {
  std::string node;
  InterfaceName name;
  MacAddress mac;
  std::optional<std::uint32_t> mtu;
  std::uint32_t vni = 0;
  std::uint16_t port = 0;
  std::optional<IpAddress> local;
  std::string device;
  bool learning = true;
};
struct CreateMacvlan {
  std::string node;
  InterfaceName name;
  MacAddress mac;
  std::optional<std::uint32_t> mtu;
  std::string device;
  std::string mode;
};
struct CreateVlan {
  std::string node;
  InterfaceName name;
  MacAddress mac;
  std::optional<std::uint32_t> mtu;
  std::string device;
  std::uint16_t id = 0;
};
// IP packets in IP packets.
struct CreateTunnel {
  std::string node;
  InterfaceName name;
  std::optional<std::uint32_t> mtu;
  std::string kind;  // "ipip", "gre"
  std::optional<IpAddress> local;
  std::optional<IpAddress> remote;
  std::string device;
  std::uint8_t ttl = 0;
  std::optional<std::uint32_t> key;
};
struct CreateTun {
  std::string node;
  InterfaceName name;
  std::optional<MacAddress> mac;  // of frames; packets have none
  std::optional<std::uint32_t> mtu;
};
struct SetImpairment {
  std::string node;
  std::string link;
  topology::Impairment impairment;
  std::uint32_t mtu = 0;  // of the link
};
struct AddAddress {
  std::string node;
  std::string link;
  Prefix address;
};
struct SetUp {
  std::string node;
  std::string link;
};
struct AddRoute {
  std::string node;
  Prefix destination;
  std::optional<IpAddress> via;
  std::string device;
  std::optional<IpAddress> source;
  bool onlink = false;
  std::optional<std::uint32_t> metric;
  std::string type;  // "blackhole" and the like; empty: packets are sent on
  std::optional<std::uint32_t> table;
  std::optional<std::uint32_t> mtu;
};
struct AddRule {
  std::string node;
  netlink::Rule rule;
};
struct SetSysctl {
  std::string node;
  std::string name;
  std::string value;
};
struct AddIpvsService {
  std::string node;
  topology::IpvsService service;  // with its servers
};

// Text that a program reads and puts into the kernel.
struct LoadRuleset {
  std::string node;
  std::string kind;  // "ipset", "iptables", "ip6tables", "nftables"
  std::string text;
};

using Operation = std::variant<CreateNode, CreateBridge, CreateCable, CreateWire, CreateDummy, CreateVxlan,
                               CreateMacvlan, CreateVlan, CreateTunnel, CreateTun, SetImpairment, AddAddress, SetUp,
                               AddRoute, AddRule, SetSysctl, AddIpvsService, LoadRuleset>;

const std::string& node_of(const Operation& operation);
// "node ds: create dummy link vip0", for people and errors.
std::string describe(const Operation& operation);

// What reads a ruleset of this kind from its input: {"iptables-restore"}.
std::vector<std::string> ruleset_command(const std::string& kind);

// ---- processes, started after the operations

struct Process {
  std::string name;  // "web"; with its node "web@rs1", by which people call it
  std::string node;
  std::vector<std::string> arguments;
  std::map<std::string, std::string> environment;
  std::vector<std::string> after;  // full names that must be ready first
  topology::Ready ready;
  topology::Restart restart = topology::Restart::never;
  std::string user;  // name or number; empty: root
  std::string working_directory = "/";
  std::vector<topology::File> files;  // written before its first start in the node's life
  std::vector<topology::Limit> limits;
  std::string full_name() const { return name + "@" + node; }
};

// What the topology needs of a kernel, and the objects that asked for it.
struct Need {
  std::string need;
  std::vector<std::string> asked_by;
};

// A program that the host must have, and the objects that asked for it.
struct NeededProgram {
  std::string name;
  std::string package;  // Debian's
  std::vector<std::string> asked_by;
};

struct Plan {
  std::string lab;
  std::vector<Operation> operations;
  std::vector<Process> processes;
  std::vector<Need> needs;
  std::vector<NeededProgram> programs;
  // Every node's /etc/hosts: address and name.
  std::vector<std::pair<IpAddress, std::string>> hosts;
  // Set with a cluster: "http://192.168.113.10:8080".
  std::string api;
  std::string control_plane;
  // What can be reached where, for the end of `labctl up`.
  std::vector<std::pair<std::string, std::string>> endpoints;

  // The operations that build one node (and its cables): what a restart of it repeats. A wire to another node is of the
  // node that it names first.
  std::vector<Operation> operations_of(const std::string& node) const;
  // Those that lead to NODE, whichever end it is.
  std::vector<CreateWire> wires_of(const std::string& node) const;
};

// Where labctl's own programs are inside a lab.
inline constexpr const char* libexec_folder = "/run/labctl/libexec";
// Where the supervisor puts the manifests, as one file, in a lab with a cluster.
inline constexpr const char* manifests_file = "/run/labctl/manifests.json";
// Of the control plane: what is written here survives the node's restart, as on a machine's disk.
inline constexpr const char* disk_folder = "/run/labctl/disk";
inline constexpr std::uint16_t api_port = 8080;

Plan make_plan(const topology::Topology& topology, const std::string& lab_name = {});

// For people; for scripts; and as commands that a person would type (its objects: links, addresses, routes, IPVS).
std::string to_text(const Plan& plan);
std::string to_json(const Plan& plan);
std::string to_shell(const Plan& plan);

}  // namespace plan
