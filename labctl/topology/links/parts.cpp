#include "labctl/topology/topology.h"

namespace topology {
namespace {

using Names = std::vector<Located<std::string>>;

Names below(const std::optional<Located<std::string>>& device) {
  return device ? Names{*device} : Names{};
}

struct Parts {
  Names operator()(const NetworkLink&) const { return {}; }
  Names operator()(const DummyLink&) const { return {}; }
  Names operator()(const BridgeLink& bridge) const {
    Names ports;
    for (const BridgePort& port : bridge.ports) ports.push_back(port.link);
    return ports;
  }
  Names operator()(const VxlanLink& vxlan) const { return below(vxlan.device); }
  Names operator()(const MacvlanLink& macvlan) const { return {macvlan.device}; }
  Names operator()(const VlanLink& vlan) const { return {vlan.device}; }
  Names operator()(const IpipLink& tunnel) const { return below(tunnel.device); }
  Names operator()(const GreLink& tunnel) const { return below(tunnel.device); }
  Names operator()(const TunLink&) const { return {}; }
};

}  // namespace

std::vector<Located<std::string>> parts_of(const Link& link) {
  return std::visit(Parts(), link.kind);
}

bool has_mac(const Link& link) {
  if (const auto* tun = std::get_if<TunLink>(&link.kind)) return tun->mode == "tap";
  return !std::holds_alternative<IpipLink>(link.kind) && !std::holds_alternative<GreLink>(link.kind);
}

}  // namespace topology
