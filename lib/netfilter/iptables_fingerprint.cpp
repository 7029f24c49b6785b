// Whether the tables have changed, asked of the kernel itself: running iptables-save costs 0.1 to 0.2 s in user-mode
// Linux, and a proxy asks every few seconds.
#include <arpa/inet.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/x_tables.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <sys/socket.h>

#include <cstring>
#include <string_view>
#include <vector>

#include "lib/base/error.h"
#include "lib/base/file_descriptor.h"
#include "lib/netfilter/iptables.h"
#include "lib/netlink/address.h"
#include "lib/netlink/message.h"
#include "lib/netlink/socket.h"

namespace netfilter {
namespace {

// The generation of the namespace's rule set: each transaction makes a new one.
std::optional<std::uint64_t> nft_generation() {
  std::optional<std::uint64_t> generation;
  try {
    netlink::Socket socket(NETLINK_NETFILTER);
    netlink::Message message((NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_GETGEN, 0, nfgenmsg{AF_UNSPEC, NFNETLINK_V0, 0});
    socket.get("read the generation of the nf_tables rules", message, [&](nlmsghdr* header) {
      nlattr* attribute = nlmsg_find_attr(header, sizeof(nfgenmsg), NFTA_GEN_ID);
      if (attribute != nullptr) generation = ntohl(nla_get_u32(attribute));
    });
  } catch (const base::Error&) {
  }
  return generation;
}

struct Ipv4 {
  using Entry = ipt_entry;
  using Information = ipt_getinfo;
  using Entries = ipt_get_entries;
  static constexpr int domain = AF_INET, level = IPPROTO_IP;
  static constexpr int get_information = IPT_SO_GET_INFO, get_entries = IPT_SO_GET_ENTRIES;
};

struct Ipv6 {
  using Entry = ip6t_entry;
  using Information = ip6t_getinfo;
  using Entries = ip6t_get_entries;
  static constexpr int domain = AF_INET6, level = IPPROTO_IPV6;
  static constexpr int get_information = IP6T_SO_GET_INFO, get_entries = IP6T_SO_GET_ENTRIES;
};

// The table as the kernel keeps it, with the packet and byte counters taken out; empty where it cannot be read.
template <class Ip>
std::string legacy_entries(const std::string& table) {
  base::FileDescriptor socket(::socket(Ip::domain, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  typename Ip::Information information{};
  table.copy(information.name, sizeof information.name - 1);
  socklen_t size = sizeof information;
  if (::getsockopt(socket.get(), Ip::level, Ip::get_information, &information, &size) < 0) return {};
  std::vector<char> buffer(sizeof(typename Ip::Entries) + information.size);
  auto* entries = reinterpret_cast<typename Ip::Entries*>(buffer.data());
  table.copy(entries->name, sizeof entries->name - 1);
  entries->size = information.size;
  size = static_cast<socklen_t>(buffer.size());
  if (::getsockopt(socket.get(), Ip::level, Ip::get_entries, buffer.data(), &size) < 0) return {};
  char* data = reinterpret_cast<char*>(entries->entrytable);
  for (unsigned offset = 0; offset + sizeof(typename Ip::Entry) <= information.size;) {
    auto* entry = reinterpret_cast<typename Ip::Entry*>(data + offset);
    entry->counters = {};
    if (entry->next_offset == 0) break;
    offset += entry->next_offset;
  }
  return std::string(data, information.size);
}

}  // namespace

std::optional<std::uint64_t> Iptables::fingerprint(const std::vector<std::string>& tables) const {
  if (variant_ == Variant::nft) return nft_generation();
  std::string all;
  for (const std::string& table : tables) {
    std::string entries = family_ == Family::ipv4 ? legacy_entries<Ipv4>(table) : legacy_entries<Ipv6>(table);
    if (entries.empty()) return std::nullopt;
    all += entries;
  }
  return netlink::stable_hash(all);
}

bool Iptables::kernel_has_nf_tables() {
  return nft_generation().has_value();
}

}  // namespace netfilter
