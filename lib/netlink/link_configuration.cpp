#include "lib/netlink/link_configuration.h"

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>

#include <cerrno>

#include "lib/base/error.h"
#include "lib/netlink/link.h"

namespace netlink {
namespace {

std::string body_of(nlmsghdr* header) {
  return {static_cast<const char*>(nlmsg_data(header)), static_cast<size_t>(nlmsg_datalen(header))};
}

bool is_of(const nlattr* device, std::uint32_t link) {
  return device != nullptr && nla_get_u32(device) == link;
}

// Those of the table "local" and those that the kernel makes of addresses come back by themselves.
bool is_kept(const rtmsg* route) {
  return (route->rtm_flags & RTM_F_CLONED) == 0 && route->rtm_protocol != RTPROT_KERNEL;
}

}  // namespace

LinkConfiguration LinkConfiguration::of(Socket& socket, const std::string& link) {
  LinkConfiguration all;
  all.link_ = link;
  std::uint32_t index = get_link(socket, link).index;
  Message addresses(RTM_GETADDR, 0, ifaddrmsg{});
  socket.dump("list addresses", addresses, [&](nlmsghdr* header) {
    auto* address = static_cast<ifaddrmsg*>(nlmsg_data(header));
    if (address->ifa_index == index) all.addresses_.push_back({RTM_NEWADDR, body_of(header)});
  });
  Message routes(RTM_GETROUTE, 0, rtmsg{});
  socket.dump("list routes", routes, [&](nlmsghdr* header) {
    nlattr* attributes[RTA_MAX + 1];
    if (nlmsg_parse(header, sizeof(rtmsg), attributes, RTA_MAX, nullptr) < 0) return;
    auto* route = static_cast<rtmsg*>(nlmsg_data(header));
    if (!is_of(attributes[RTA_OIF], index) || !is_kept(route)) return;
    // What the kernel says of a next hop, and refuses to be told.
    route->rtm_flags &= ~static_cast<unsigned>(RTNH_F_DEAD | RTNH_F_LINKDOWN | RTNH_F_OFFLOAD);
    all.routes_.push_back({RTM_NEWROUTE, body_of(header)});
  });
  return all;
}

void LinkConfiguration::restore(Socket& socket) const {
  std::vector<Object> missing = addresses_;
  missing.insert(missing.end(), routes_.begin(), routes_.end());
  // A gateway is reached by another route, which the kernel may have listed later: again, as long as that helps.
  std::optional<base::Error> failure;
  for (std::size_t before = missing.size() + 1; missing.size() < before;) {
    before = missing.size();
    failure.reset();
    std::erase_if(missing, [&](const Object& it) { return give_back(socket, it, failure); });
  }
  if (failure) throw *failure;
}

// Whether the link has it now; where not, the first FAILURE is kept.
bool LinkConfiguration::give_back(Socket& socket, const Object& it, std::optional<base::Error>& failure) const {
  Message message = Message::with_body(it.type, NLM_F_CREATE | NLM_F_EXCL, it.body);
  try {
    socket.request("give link " + link_ + (it.type == RTM_NEWADDR ? " an address back" : " a route back"), message);
  } catch (const base::Error& error) {
    if (error.error_number() == EEXIST) return true;
    if (!failure) failure = error;
    return false;
  }
  return true;
}

}  // namespace netlink
