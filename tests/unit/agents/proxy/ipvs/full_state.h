// The largest state, where every set has entries and every rule is there, but for those with the match `ipvs`: not
// every kernel has it.
#pragma once

#include <string>

#include "agents/proxy/ipvs/desired.h"
#include "tests/unit/agents/proxy/everything.h"

namespace proxy::ipvs {

inline State full_state(Family family) {
  Settings settings;
  settings.family = family;
  bool six = family == Family::ipv6;
  settings.cluster_cidr = prefix(six ? "fd00:244::/56" : "10.244.0.0/16");
  NodeView node{"", ip(six ? "fd00:113::11" : "192.168.113.11"), {ip(six ? "fd00:113::11" : "192.168.113.11")}};
  return desired_state(Objects(everything()).ports(family), node, settings);
}

}  // namespace proxy::ipvs
