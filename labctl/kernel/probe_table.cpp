#include "labctl/kernel/probe_table.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/genetlink.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/if_tunnel.h>
#include <linux/ip_vs.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <functional>
#include <map>

#include "labctl/kernel/programs.h"
#include "lib/base/error.h"
#include "lib/base/file_descriptor.h"
#include "lib/base/run.h"
#include "lib/netlink/link.h"
#include "lib/netlink/message.h"
#include "lib/netlink/socket.h"

namespace kernel {
namespace {

using netlink::Message;
using netlink::Socket;

using Data = std::function<void(Message&)>;

void try_link(const std::string& kind, const Data& data = {}, const std::string& parent = {}) {
  Socket socket;
  netlink::NewLink link;
  link.name = "try-" + kind;
  Message message = netlink::new_link_message(link);
  if (!parent.empty()) message.put(IFLA_LINK, netlink::get_link(socket, parent).index);
  {
    auto info = message.nest(IFLA_LINKINFO);
    message.put(IFLA_INFO_KIND, kind);
    if (data) {
      auto nested = message.nest(IFLA_INFO_DATA);
      data(message);
    }
  }
  netlink::create_link(socket, kind, link, message);
  netlink::delete_link(socket, link.name);
}

// Kinds that lie on another link get one end of a pair of their own.
void try_link_above(const std::string& kind, const Data& data) {
  Socket socket;
  netlink::NewLink parent;
  parent.name = "try-under-" + kind.substr(0, 4);
  Message message = netlink::new_link_message(parent);
  {
    auto info = message.nest(IFLA_LINKINFO);
    message.put(IFLA_INFO_KIND, std::string("veth"));
  }
  netlink::create_link(socket, "veth", parent, message);
  try_link(kind, data, parent.name);
  netlink::delete_link(socket, parent.name);
}

void put_tunnel_ends(Message& message) {
  in_addr local{htonl(0x7f000001)}, remote{htonl(0x7f000002)};
  message.put_bytes(IFLA_IPTUN_LOCAL, &local, sizeof local);
  message.put_bytes(IFLA_IPTUN_REMOTE, &remote, sizeof remote);
}

void put_gre_ends(Message& message) {
  in_addr local{htonl(0x7f000001)}, remote{htonl(0x7f000002)};
  message.put_bytes(IFLA_GRE_LOCAL, &local, sizeof local);
  message.put_bytes(IFLA_GRE_REMOTE, &remote, sizeof remote);
}

void put_geneve(Message& message) {
  in_addr remote{htonl(0x7f000002)};
  message.put(IFLA_GENEVE_ID, std::uint32_t{1});
  message.put_bytes(IFLA_GENEVE_REMOTE, &remote, sizeof remote);
}

void put_vxlan(Message& message) {
  message.put(IFLA_VXLAN_ID, std::uint32_t{1});
  message.put(IFLA_VXLAN_PORT, static_cast<std::uint16_t>(htons(4789)));
}

void try_qdisc(const std::string& kind, const Data& options) {
  Socket socket;
  tcmsg header{};
  header.tcm_family = AF_UNSPEC;
  header.tcm_ifindex = static_cast<int>(netlink::get_link(socket, "lo").index);
  header.tcm_parent = TC_H_ROOT;
  header.tcm_handle = 0x10000;
  Message message(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_REPLACE, header);
  message.put(TCA_KIND, kind);
  options(message);
  socket.request("add a " + kind + " queueing discipline", message);
  Message removal(RTM_DELQDISC, 0, header);
  socket.request("remove a queueing discipline", removal);
}

void put_netem(Message& message) {
  tc_netem_qopt options{};
  options.limit = 1000;
  options.latency = 1000;
  message.put_bytes(TCA_OPTIONS, &options, sizeof options);
}

void put_tbf(Message& message) {
  tc_tbf_qopt options{};
  options.rate.rate = 125000;
  options.rate.linklayer = TC_LINKLAYER_ETHERNET;
  options.limit = 100000;
  options.buffer = 1000000;
  auto nested = message.nest(TCA_OPTIONS);
  message.put_bytes(TCA_TBF_PARMS, &options, sizeof options);
  message.put(TCA_TBF_BURST, std::uint32_t{16000});
}

void put_htb(Message& message) {
  tc_htb_glob options{};
  options.version = 3;
  options.rate2quantum = 10;
  auto nested = message.nest(TCA_OPTIONS);
  message.put_bytes(TCA_HTB_INIT, &options, sizeof options);
}

int generic_family(Socket& socket, const std::string& name) {
  genlmsghdr header{CTRL_CMD_GETFAMILY, 1, 0};
  Message message(GENL_ID_CTRL, 0, header);
  message.put(CTRL_ATTR_FAMILY_NAME, name);
  int family = 0;
  socket.get("find the generic netlink family " + name, message, [&](nlmsghdr* answer) {
    nlattr* attribute = nlmsg_find_attr(answer, sizeof(genlmsghdr), CTRL_ATTR_FAMILY_ID);
    if (attribute != nullptr) family = nla_get_u16(attribute);
  });
  return family;
}

void try_ipvs() {
  Socket socket(NETLINK_GENERIC);
  int family = generic_family(socket, IPVS_GENL_NAME);
  genlmsghdr header{IPVS_CMD_NEW_SERVICE, IPVS_GENL_VERSION, 0};
  Message message(family, 0, header);
  {
    auto service = message.nest(IPVS_CMD_ATTR_SERVICE);
    ip_vs_flags flags{0, ~0U};
    message.put(IPVS_SVC_ATTR_AF, std::uint16_t{AF_INET});
    message.put(IPVS_SVC_ATTR_FWMARK, std::uint32_t{1});
    message.put(IPVS_SVC_ATTR_SCHED_NAME, std::string("rr"));
    message.put_bytes(IPVS_SVC_ATTR_FLAGS, &flags, sizeof flags);
    message.put(IPVS_SVC_ATTR_TIMEOUT, std::uint32_t{0});
    message.put(IPVS_SVC_ATTR_NETMASK, ~std::uint32_t{0});
  }
  socket.request("add an IPVS service", message);
}

// <linux/netfilter/ipset/ip_set.h> does not go with C++.
void try_ipset() {
  constexpr int kSubsystem = 6, kCreate = 2;
  constexpr int kProtocol = 1, kSetName = 2, kTypeName = 3, kRevision = 4, kFamily = 5, kData = 7;
  Socket socket(NETLINK_NETFILTER);
  nfgenmsg header{AF_INET, NFNETLINK_V0, 0};
  Message message(kSubsystem << 8 | kCreate, NLM_F_CREATE, header);
  message.put(kProtocol, std::uint8_t{6});
  message.put(kSetName, std::string("labctl-try"));
  message.put(kTypeName, std::string("hash:ip"));
  message.put(kRevision, std::uint8_t{0});
  message.put(kFamily, std::uint8_t{AF_INET});
  { auto data = message.nest(kData); }
  socket.request("create an IP set", message);
}

void try_conntrack() {
  Socket socket(NETLINK_NETFILTER);
  nfgenmsg header{AF_INET, NFNETLINK_V0, 0};
  Message message(NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET, 0, header);
  socket.dump("read the connection table", message, [](nlmsghdr*) {});
}

// Either variant will do: agents use the one that works.
void try_iptables_rules(const std::string& program, const std::string& rules) {
  std::string said;
  for (const char* variant : {"-legacy-restore", "-nft-restore"}) {
    std::string path = find_program(program + variant);
    if (path.empty()) continue;
    base::RunResult result = base::run_command({path, "--noflush"}, rules);
    if (result.exit_code == 0) return;
    std::string line = result.error_output.substr(0, result.error_output.find('\n'));
    said += (said.empty() ? "" : "; ") + line;
  }
  throw base::Error(said.empty() ? program + "-legacy-restore is not installed" : said);
}

void try_iptables() {
  try_iptables_rules(
      "iptables",
      "*nat\n-A POSTROUTING -m comment --comment try -m mark --mark 0x4000/0x4000 -j MASQUERADE\nCOMMIT\n"
      "*filter\n-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n"
      "-A FORWARD -m addrtype --dst-type LOCAL -m statistic --mode random --probability 0.5 -j REJECT\n"
      "COMMIT\n"
      "*mangle\n-A PREROUTING -j MARK --set-xmark 0x1\nCOMMIT\n");
}

void try_ip6tables() {
  try_iptables_rules("ip6tables",
                     "*nat\n-A POSTROUTING -j MASQUERADE\nCOMMIT\n*filter\n-A FORWARD -j REJECT\nCOMMIT\n");
}

void try_rule_trace() {
  try_iptables_rules("iptables", "*raw\n-A OUTPUT -p tcp --dport 9 -j TRACE\nCOMMIT\n");
}

void try_nftables() {
  base::run_checked({find_program("nft"), "-f", "-"},
                    "table inet try {\nchain c {\ntype filter hook input priority 0;\nct state new counter\n}\n}\n"
                    "table ip try {\nchain c {\ntype nat hook postrouting priority 100;\nmasquerade\n}\n}\n");
}

void try_tun() {
  base::FileDescriptor tun = base::open_file("/dev/net/tun", O_RDWR);
  ifreq request{};
  std::strcpy(request.ifr_name, "try-tun");
  request.ifr_flags = IFF_TUN | IFF_NO_PI;
  base::check_system("create a TUN interface", ::ioctl(tun.get(), TUNSETIFF, &request));
}

void try_bridge_netfilter() {
  base::open_file("/proc/sys/net/bridge/bridge-nf-call-iptables", O_RDWR);
}

void try_ipv6() {
  base::FileDescriptor socket(
      base::check_system("make an IPv6 socket", ::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0)));
}

void refuse_kernel_sysctl() {
  throw base::Error("the host's kernel is not the lab's to set");
}

void refuse_users() {
  throw base::Error("a lab on the host's kernel has one user, root: whoever starts it is no other");
}

const std::map<std::string, std::function<void()>>& table() {
  static const std::map<std::string, std::function<void()>> trials = {
      {"veth", [] { try_link("veth"); }},
      {"bridge", [] { try_link("bridge"); }},
      {"bridge-vlan", [] { try_link("bridge", [](Message& m) { m.put(IFLA_BR_VLAN_FILTERING, std::uint8_t{1}); }); }},
      {"bridge-netfilter", try_bridge_netfilter},
      {"dummy", [] { try_link("dummy"); }},
      {"vlan", [] { try_link_above("vlan", [](Message& m) { m.put(IFLA_VLAN_ID, std::uint16_t{7}); }); }},
      {"macvlan",
       [] {
         try_link_above("macvlan", [](Message& m) { m.put(IFLA_MACVLAN_MODE, std::uint32_t{MACVLAN_MODE_BRIDGE}); });
       }},
      {"vxlan", [] { try_link("vxlan", put_vxlan); }},
      {"ipip", [] { try_link("ipip", put_tunnel_ends); }},
      {"gre", [] { try_link("gre", put_gre_ends); }},
      {"geneve", [] { try_link("geneve", put_geneve); }},
      {"vrf", [] { try_link("vrf", [](Message& m) { m.put(IFLA_VRF_TABLE, std::uint32_t{7}); }); }},
      {"wireguard", [] { try_link("wireguard"); }},
      {"ipv6", try_ipv6},
      {"tun-open", try_tun},
      {"ipvs-netlink", try_ipvs},
      {"ipset", try_ipset},
      {"iptables", try_iptables},
      {"ip6tables", try_ip6tables},
      {"conntrack-netlink", try_conntrack},
      {"rule-trace", try_rule_trace},
      {"netem", [] { try_qdisc("netem", put_netem); }},
      {"tbf", [] { try_qdisc("tbf", put_tbf); }},
      {"htb", [] { try_qdisc("htb", put_htb); }},
      {"nftables", try_nftables},
      {"kernel-sysctl", refuse_kernel_sysctl},
      {"users", refuse_users},
  };
  return trials;
}

}  // namespace

void try_need(const std::string& need) {
  auto trial = table().find(need);
  if (trial == table().end()) throw base::Error("labctl knows no need of this name");
  trial->second();
}

}  // namespace kernel
