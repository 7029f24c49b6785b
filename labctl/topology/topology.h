// A topology: what its file says, typed, with the place of everything that can be wrong.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "labctl/topology/faults.h"
#include "labctl/topology/scenario.h"
#include "lib/netlink/address.h"
#include "lib/netlink/impairment.h"
#include "lib/netlink/rule.h"

namespace topology {

using netlink::Impairment;
using netlink::IpAddress;
using netlink::MacAddress;
using netlink::Prefix;

// What connects the links of a network: a bridge, or nothing but the cable between the two that it has.
enum class NetworkKind { bridge, point_to_point };

// A layer-2 segment.
struct Network {
  std::string name;
  Location at;
  NetworkKind kind = NetworkKind::bridge;
  std::optional<Located<Prefix>> subnet;
  std::optional<Located<Prefix>> subnet6;
  std::optional<std::uint32_t> mtu;
};

// How a link is attached or what it is. One struct, one file in links/ a kind.
struct NetworkLink {
  Located<std::string> network;  // the link's own name unless said otherwise
};
struct DummyLink {};
struct BridgePort {
  Located<std::string> link;                   // of the same node
  std::optional<Located<std::uint16_t>> vlan;  // that of frames without a tag
  std::vector<Located<std::uint16_t>> tagged;
};
struct BridgeLink {
  std::vector<BridgePort> ports;
  bool vlan_filtering = false;
  // The node's own, as a port of its bridge.
  std::optional<Located<std::uint16_t>> vlan;
  std::vector<Located<std::uint16_t>> tagged;
};
struct VxlanLink {
  Located<std::uint32_t> vni;
  std::uint16_t port = 0;  // 0: the kernel's default, 8472
  std::optional<Located<IpAddress>> local;
  std::optional<Located<std::string>> device;  // a link of the same node
  bool learning = true;
};
struct MacvlanLink {
  Located<std::string> device;  // a link of the same node
  std::string mode = "bridge";  // "private", "vepa", "bridge", "passthru"
};
struct VlanLink {
  Located<std::string> device;  // a link of the same node
  Located<std::uint16_t> id;
};
struct IpipLink {
  std::optional<Located<IpAddress>> local;
  std::optional<Located<IpAddress>> remote;
  std::optional<Located<std::string>> device;  // a link of the same node
  std::uint8_t ttl = 0;                        // 0: that of the packet inside
};
struct GreLink {
  std::optional<Located<IpAddress>> local;
  std::optional<Located<IpAddress>> remote;
  std::optional<Located<std::string>> device;  // a link of the same node
  std::uint8_t ttl = 0;                        // 0: that of the packet inside
  std::optional<std::uint32_t> key;
};
struct TunLink {
  std::string mode = "tun";  // "tun", "tap"
};
using LinkKind =
    std::variant<NetworkLink, DummyLink, BridgeLink, VxlanLink, MacvlanLink, VlanLink, IpipLink, GreLink, TunLink>;

struct Link {
  std::string name;
  Location at;
  LinkKind kind;
  // As written; an address without a length gets that of its network's subnet (or its full length).
  std::vector<Located<Prefix>> addresses;
  std::vector<bool> address_has_length;  // parallel to `addresses`
  std::optional<Located<MacAddress>> mac;
  std::optional<std::uint32_t> mtu;
  std::optional<Impairment> impairment;  // of what the node sends by it
};

// The links of the same node that LINK is made of, which must exist before it: a bridge's ports, the device below.
std::vector<Located<std::string>> parts_of(const Link& link);
// Whether frames go by it, not bare IP packets.
bool has_mac(const Link& link);

struct Route {
  Location at;
  std::string type;  // "blackhole", "unreachable", "prohibit"; empty: packets are sent on
  Prefix destination;
  std::optional<IpAddress> via;
  std::optional<std::string> device;
  std::optional<IpAddress> source;
  bool onlink = false;
  std::optional<std::uint32_t> metric;
  std::optional<std::uint32_t> table;
  std::optional<std::uint32_t> mtu;
};

struct Rule {
  Location at;
  netlink::Rule rule;  // its links by their full names
};

struct IpvsServer {
  Location at;
  IpAddress address;
  std::uint16_t port = 0;
  std::uint32_t weight = 1;
};

enum class Forwarding { nat, dr, tun };

struct IpvsService {
  Location at;
  std::string protocol;  // "tcp", "udp"
  IpAddress address;
  std::uint16_t port = 0;
  std::string scheduler = "rr";
  Forwarding forward = Forwarding::nat;
  std::optional<Duration> persistent;  // session affinity
  std::vector<IpvsServer> servers;
};

// When a process counts as ready.
struct Ready {
  struct Tcp {
    std::uint16_t port = 0;
  };
  struct Http {
    std::uint16_t port = 0;
    std::string path;
  };
  struct Log {
    std::string pattern;
  };  // ECMAScript regular expression, in a line of its output
  struct File {
    std::string path;
  };
  struct Exit {};                                                      // it is ready when it has ended with exit code 0
  std::variant<std::monostate, Tcp, Http, Log, File, Exit> condition;  // monostate: as soon as it runs
  Duration within{20000};
};

enum class Restart { never, on_failure, always };

struct Serve {
  std::string protocol;  // "http", "tcp", "udp"
  std::uint16_t port = 0;
};
struct Run {
  std::vector<std::string> arguments;  // a command line given as text is {"sh", "-c", TEXT}
};

struct DaemonKind;  // daemons/kind.h
struct Daemon {
  const DaemonKind* kind = nullptr;
  std::string configuration;  // the text of its configuration file
};

// Of a workload: written before it starts for the first time, in its node.
struct File {
  std::string path;
  Location at;
  std::string text;
  unsigned mode = 0644;
};
// setrlimit(2), both the soft and the hard one.
struct Limit {
  std::string name;
  int resource = 0;                    // RLIMIT_…
  std::optional<std::uint64_t> value;  // nothing: unlimited
};

struct Workload {
  std::string name;
  Location at;
  std::variant<Serve, Run, Daemon> what;
  std::map<std::string, std::string> environment;
  std::optional<Located<std::string>> user;
  std::optional<std::string> working_directory;
  std::vector<File> files;
  std::vector<Limit> limits;
  std::vector<Located<std::string>> after;  // workloads of the same node that must be ready first
  std::optional<Ready> ready;
  Restart restart = Restart::never;
};

struct Node {
  std::string name;
  Location at;
  std::vector<Link> links;
  std::vector<Route> routes;
  std::vector<Rule> rules;
  std::vector<std::pair<Located<std::string>, std::string>> sysctls;
  std::vector<IpvsService> ipvs;
  // Rulesets, as the programs read them: `ipset restore`, `iptables-restore`, `ip6tables-restore`, `nft -f -`.
  std::string ipset;
  std::string iptables;
  std::string ip6tables;
  std::string nftables;
  std::vector<Workload> workloads;
};

struct Agent {
  std::optional<std::string> run;  // a command line instead of ours; $API, $NODE and $NODE_IP are set in it
  bool enabled = true;
};
struct ProxyAgent : Agent {
  std::string mode = "ipvs";
  std::string scheduler = "rr";
};
struct OverlayAgent : Agent {
  std::string backend = "vxlan";
};

// Every node's pods have addresses from a part of podCIDR of this length, as kube-controller-manager cuts it by
// default.
inline constexpr unsigned node_range_length = 24;

// A lab's name is part of the path of its socket.
inline constexpr std::size_t longest_lab_name = 32;

struct Cluster {
  Location at;
  Located<std::string> control_plane;
  std::vector<Located<std::string>> workers;
  Located<std::string> network;
  Located<Prefix> pod_cidr;
  Located<Prefix> service_cidr;
  ProxyAgent proxy;
  OverlayAgent overlay;
};

// Kubernetes objects, as they were written.
struct Manifest {
  Location at;
  std::string source;  // "nodeport.yaml:12" or the path
  std::string path;    // empty for one written in the topology
  std::string json;    // of one written in the topology; for a path it is read by whoever starts the lab
};

// Of the lab's host, seen inside at the same or another place.
struct Mount {
  Location at;
  std::string source;
  std::string target;
  bool writable = false;
};

struct Topology {
  std::string path;
  unsigned version = 1;
  Located<std::string> name;
  std::string description;
  std::vector<Network> networks;
  std::vector<Node> nodes;
  std::optional<Cluster> cluster;
  std::vector<Manifest> manifests;
  std::vector<Mount> mounts;
  std::vector<Step> scenario;

  const Network* find_network(const std::string& network) const;
  const Node* find_node(const std::string& node) const;
};

// Decodes and validates. Throws InvalidTopology with every fault there is; touches nothing.
Topology parse(const std::string& text, const std::string& path);

// The JSON Schema (draft 2020-12) for editors, made from the decoder's own tables.
std::string json_schema();
// The reference in Markdown, made from the same tables: every key, its type, its meaning, an example.
std::string reference();

}  // namespace topology
