#include "agents/overlay/backend.h"

#include "agents/overlay/backends/host_gw.h"
#include "agents/overlay/backends/udp.h"
#include "agents/overlay/backends/vxlan.h"
#include "lib/base/error.h"
#include "lib/netlink/link.h"
#include "lib/netlink/route.h"

namespace overlay {
namespace {

struct Kind {
  const char* name;
  std::unique_ptr<Backend> (*make)(netlink::Socket& socket, boost::asio::io_context& loop,
                                   const BackendOptions& options);
};
constexpr Kind kinds[] = {
    {"vxlan", [](auto& socket, auto&, const auto& options) { return make_vxlan(socket, options); }},
    {"udp", [](auto& socket, auto& loop, const auto&) { return make_udp(socket, loop); }},
    {"host-gw", [](auto& socket, auto&, const auto&) { return make_host_gw(socket); }},
};

}  // namespace

ExternalInterface ExternalInterface::read(netlink::Socket& socket, const std::string& name) {
  netlink::LinkInfo link = netlink::get_link(socket, name);
  ExternalInterface interface {
    link.name, link.index, link.mtu, {}
  };
  for (const netlink::AddressInfo& info : netlink::list_addresses(socket)) {
    if (info.link == link.index && !info.address.address.is_v6()) interface.addresses.push_back(info.address);
  }
  if (interface.addresses.empty()) throw base::Error("link " + name + " has no IPv4 address");
  return interface;
}

std::string backend_names() {
  std::string names;
  for (const Kind& kind : kinds) names += (names.empty() ? "" : ", ") + std::string(kind.name);
  return names;
}

std::unique_ptr<Backend> make_backend(const std::string& name, netlink::Socket& socket, boost::asio::io_context& loop,
                                      const BackendOptions& options) {
  for (const Kind& kind : kinds) {
    if (name == kind.name) return kind.make(socket, loop, options);
  }
  throw base::Error("there is no backend \"" + name + "\" here").with_mend("choose one of: " + backend_names());
}

}  // namespace overlay
