#include "labctl/kernel/needs.h"

namespace kernel {
namespace {

const char* const kNoNftablesInUml = "user-mode Linux is built without the nftables families ip and inet";

std::vector<Need> make_needs() {
  return {
      {"veth", "virtual Ethernet pairs", {"veth"}, "", "", "", ""},
      {"bridge", "Ethernet bridges", {"bridge"}, "", "", "", ""},
      {"bridge-vlan",
       "VLAN filtering on bridges",
       {"bridge", "8021q"},
       "",
       "",
       "",
       "user-mode Linux is built without it"},
      {"bridge-netfilter", "iptables on bridged packets", {"br_netfilter"}, "sudo modprobe br_netfilter", "", "", ""},
      {"dummy", "dummy interfaces", {"dummy"}, "sudo modprobe dummy", "", "", ""},
      {"vlan", "VLAN interfaces (802.1Q)", {"8021q"}, "sudo modprobe 8021q", "", "", ""},
      {"macvlan", "MACVLAN interfaces", {"macvlan"}, "sudo modprobe macvlan", "", "", ""},
      {"vxlan", "VXLAN tunnels", {"vxlan"}, "sudo modprobe vxlan", "", "", ""},
      {"ipip", "IP-in-IP tunnels", {"ipip"}, "sudo modprobe ipip", "", "", ""},
      {"gre", "GRE tunnels", {"ip_gre"}, "sudo modprobe ip_gre", "", "", ""},
      {"geneve", "Geneve tunnels", {"geneve"}, "sudo modprobe geneve", "", "", ""},
      {"vrf", "virtual routing and forwarding", {"vrf"}, "sudo modprobe vrf", "", "", ""},
      {"ipv6", "IPv6", {"ipv6"}, "", "", "", ""},
      {"tun-open",
       "TUN interfaces, /dev/net/tun open to this user",
       {"tun"},
       "sudo chmod 666 /dev/net/tun",
       "",
       "",
       ""},
      {"ipvs-netlink",
       "IP virtual server, programmed by generic netlink",
       {"ip_vs", "ip_vs_rr", "ip_vs_wrr", "ip_vs_lc", "ip_vs_wlc", "ip_vs_lblc", "ip_vs_lblcr", "ip_vs_dh", "ip_vs_sh",
        "ip_vs_mh", "ip_vs_sed", "ip_vs_nq", "ip_vs_fo", "ip_vs_ovf", "xt_ipvs"},
       "",
       "",
       "",
       ""},
      {"ipset",
       "IP sets",
       {"ip_set", "ip_set_hash_ip", "ip_set_hash_ipport", "ip_set_hash_ipportip", "ip_set_hash_ipportnet",
        "ip_set_hash_net", "ip_set_bitmap_port", "ip_set_list_set", "xt_set"},
       "sudo modprobe ip_set",
       "ipset",
       "ipset",
       ""},
      {"iptables",
       "iptables, IPv4",
       {"iptable_filter", "iptable_nat", "iptable_mangle", "iptable_raw", "xt_comment",   "xt_mark",   "xt_conntrack",
        "xt_addrtype",    "xt_physdev",  "xt_statistic",   "xt_recent",   "xt_multiport", "xt_tcpudp", "xt_MASQUERADE",
        "xt_REDIRECT",    "ipt_REJECT",  "xt_nat",         "xt_limit",    "xt_connmark",  "xt_TCPMSS"},
       "sudo modprobe iptable_nat",
       "iptables-restore",
       "iptables",
       ""},
      {"ip6tables",
       "iptables, IPv6",
       {"ip6table_filter", "ip6table_nat", "ip6table_mangle", "ip6table_raw", "ip6t_REJECT"},
       "sudo modprobe ip6table_nat",
       "ip6tables-restore",
       "iptables",
       ""},
      {"conntrack-netlink",
       "reading and changing the connection table",
       {"nf_conntrack", "nf_conntrack_netlink"},
       "sudo modprobe nf_conntrack_netlink",
       "",
       "",
       ""},
      {"rule-trace",
       "tracing packets through iptables' rules",
       {"iptable_raw", "xt_TRACE", "nfnetlink_log", "nf_log_syslog", "xt_LOG"},
       "sudo modprobe nfnetlink_log",
       "iptables-restore",
       "iptables",
       ""},
      {"netem", "delay, loss and reordering (netem)", {"sch_netem"}, "sudo modprobe sch_netem", "", "", ""},
      {"tbf", "rate limits by token bucket (tbf)", {"sch_tbf"}, "sudo modprobe sch_tbf", "", "", ""},
      {"htb", "hierarchical rate limits (htb)", {"sch_htb"}, "sudo modprobe sch_htb", "", "", ""},
      {"nftables",
       "nftables, families ip and inet",
       {"nf_tables"},
       "sudo modprobe nf_tables",
       "nft",
       "nftables",
       kNoNftablesInUml},
      {"wireguard",
       "WireGuard tunnels",
       {"wireguard"},
       "sudo modprobe wireguard",
       "",
       "",
       "user-mode Linux has no WireGuard"},
      {"kernel-sysctl", "settings of the whole kernel (sysctl), not of one namespace", {}, "", "", "", ""},
      {"users", "processes of other users than root", {}, "", "", "", ""},
  };
}

}  // namespace

const std::vector<Need>& known_needs() {
  static const std::vector<Need> needs = make_needs();
  return needs;
}

const Need* find_need(std::string_view name) {
  for (const Need& need : known_needs()) {
    if (need.name == name) return &need;
  }
  return nullptr;
}

}  // namespace kernel
