#include "lib/netfilter/conntrack/conntrack.h"

#include <fmt/format.h>
#include <libnetfilter_conntrack/libnetfilter_conntrack.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <netinet/in.h>

#include "lib/base/error.h"

namespace netfilter {
namespace {

struct Attributes {
  nf_conntrack_attr source_v4, source_v6, destination_v4, destination_v6, source_port, destination_port;
};
constexpr Attributes original_attributes{ATTR_ORIG_IPV4_SRC, ATTR_ORIG_IPV6_SRC, ATTR_ORIG_IPV4_DST,
                                         ATTR_ORIG_IPV6_DST, ATTR_ORIG_PORT_SRC, ATTR_ORIG_PORT_DST};
constexpr Attributes reply_attributes{ATTR_REPL_IPV4_SRC, ATTR_REPL_IPV6_SRC, ATTR_REPL_IPV4_DST,
                                      ATTR_REPL_IPV6_DST, ATTR_REPL_PORT_SRC, ATTR_REPL_PORT_DST};

netlink::IpAddress address(const nf_conntrack* entry, int family, nf_conntrack_attr v4, nf_conntrack_attr v6) {
  const void* bytes = nfct_get_attr(entry, family == AF_INET6 ? v6 : v4);
  return bytes == nullptr ? netlink::IpAddress() : netlink::IpAddress(family, bytes);
}

ConntrackTuple tuple(const nf_conntrack* entry, int family, const Attributes& attributes) {
  ConntrackTuple tuple;
  tuple.source = address(entry, family, attributes.source_v4, attributes.source_v6);
  tuple.destination = address(entry, family, attributes.destination_v4, attributes.destination_v6);
  if (nfct_attr_is_set(entry, attributes.source_port) > 0) {
    tuple.source_port = ntohs(nfct_get_attr_u16(entry, attributes.source_port));
    tuple.destination_port = ntohs(nfct_get_attr_u16(entry, attributes.destination_port));
  }
  return tuple;
}

std::string line(const nf_conntrack* entry) {
  char text[1024];  // what conntrack(8) has for it
  nfct_snprintf(text, sizeof text, entry, NFCT_T_UNKNOWN, NFCT_O_DEFAULT, 0);
  return text;
}

// The word between the timeout and the first address is the state of those protocols that have one.
std::string state(const std::string& line) {
  size_t end = line.find(" src=");
  size_t begin = end == std::string::npos || end == 0 ? end : line.rfind(' ', end - 1);
  if (begin == std::string::npos) return {};
  std::string word = line.substr(begin + 1, end - begin - 1);
  return word.find_first_not_of("0123456789") == std::string::npos ? std::string() : word;
}

ConntrackEntry convert(const nf_conntrack* entry, int family) {
  ConntrackEntry result;
  result.protocol = nfct_get_attr_u8(entry, ATTR_L4PROTO);
  result.original = tuple(entry, family, original_attributes);
  result.reply = tuple(entry, family, reply_attributes);
  if (nfct_attr_is_set(entry, ATTR_MARK) > 0) result.mark = nfct_get_attr_u32(entry, ATTR_MARK);
  if (nfct_attr_is_set(entry, ATTR_TIMEOUT) > 0) result.timeout_seconds = nfct_get_attr_u32(entry, ATTR_TIMEOUT);
  if (nfct_attr_is_set(entry, ATTR_USE) > 0) result.uses = nfct_get_attr_u32(entry, ATTR_USE);
  std::uint32_t status = nfct_attr_is_set(entry, ATTR_STATUS) > 0 ? nfct_get_attr_u32(entry, ATTR_STATUS) : 0;
  result.replied = (status & IPS_SEEN_REPLY) != 0;
  result.assured = (status & IPS_ASSURED) != 0;
  result.line = line(entry);
  result.state = state(result.line);
  return result;
}

using Each = std::function<void(nf_conntrack*)>;

int call_each(nf_conntrack_msg_type, nf_conntrack* entry, void* each) {
  (*static_cast<Each*>(each))(entry);
  return NFCT_CB_CONTINUE;
}

void for_each_entry(nfct_handle* handle, int family, Each each) {
  nfct_callback_register(handle, NFCT_T_ALL, call_each, &each);
  auto family_number = static_cast<std::uint32_t>(family);
  int result = nfct_query(handle, NFCT_Q_DUMP, &family_number);
  nfct_callback_unregister(handle);
  base::check_system("list the connection table", result);
}

struct Destroy {
  void operator()(nf_conntrack* entry) const { nfct_destroy(entry); }
};
using Owned = std::unique_ptr<nf_conntrack, Destroy>;

std::string end_point(const netlink::IpAddress& address, std::uint16_t port) {
  return fmt::format(fmt::runtime(address.is_v6() ? "[{}]:{}" : "{}:{}"), address.to_string(), port);
}

std::string text(const ConntrackTuple& tuple) {
  return end_point(tuple.source, tuple.source_port) + " > " + end_point(tuple.destination, tuple.destination_port);
}

}  // namespace

std::string ConntrackEntry::to_string() const {
  std::string name = protocol == 6     ? "tcp"
                     : protocol == 17  ? "udp"
                     : protocol == 132 ? "sctp"
                                       : fmt::format("protocol {}", protocol);
  return name + " " + text(original) + ", reply " + text(reply);
}

void Conntrack::Close::operator()(nfct_handle* handle) const {
  nfct_close(handle);
}

Conntrack::Conntrack() : handle_(nfct_open(CONNTRACK, 0)) {
  if (!handle_) {
    throw base::Error::system("open the connection table").with_mend("`sudo modprobe nf_conntrack_netlink`");
  }
}

Conntrack::~Conntrack() = default;

std::vector<ConntrackEntry> Conntrack::list(int family) {
  std::vector<ConntrackEntry> entries;
  for_each_entry(handle_.get(), family, [&](nf_conntrack* entry) { entries.push_back(convert(entry, family)); });
  return entries;
}

size_t Conntrack::remove_if(const std::function<bool(const ConntrackEntry&)>& selected, int family) {
  std::vector<Owned> chosen;
  for_each_entry(handle_.get(), family, [&](nf_conntrack* entry) {
    if (selected(convert(entry, family))) chosen.emplace_back(nfct_clone(entry));
  });
  size_t removed = 0;
  for (const Owned& entry : chosen) {
    int result = nfct_query(handle_.get(), NFCT_Q_DESTROY, entry.get());
    if (result < 0 && errno != ENOENT)
      throw base::Error::system("delete a connection " + convert(entry.get(), family).to_string());
    if (result >= 0) ++removed;
  }
  return removed;
}

}  // namespace netfilter
