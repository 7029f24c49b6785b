#include "agents/overlay/backend.h"

#include "agents/overlay/backends/host_gw.h"
#include "agents/overlay/backends/vxlan.h"
#include "lib/base/error.h"
#include "lib/netlink/link.h"
#include "lib/netlink/route.h"

namespace overlay {
namespace {

struct Kind {
  const char* name;
  std::unique_ptr<Backend> (*make)(netlink::Socket& socket, const BackendOptions& options);
};
constexpr Kind kinds[] = {{"vxlan", make_vxlan}, {"host-gw", make_host_gw}};

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

std::unique_ptr<Backend> make_backend(const std::string& name, netlink::Socket& socket, const BackendOptions& options) {
  for (const Kind& kind : kinds) {
    if (name == kind.name) return kind.make(socket, options);
  }
  throw base::Error("there is no backend \"" + name + "\" here").with_mend("choose one of: " + backend_names());
}

}  // namespace overlay
