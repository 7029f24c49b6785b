// The chains of kube-proxy's ipvs mode, rule by rule as its writeIptablesRules has them (1.33): the order counts.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "agents/proxy/ipvs/sets.h"
#include "agents/proxy/ipvs/state.h"
#include "agents/proxy/rules.h"

namespace proxy::ipvs {

// An address of a load balancer that this node itself may not use.
struct DeniedAccess {
  netlink::IpAddress address;
  netfilter::Protocol protocol;
  std::uint16_t port;
};

// USED says whether a set has entries: some rules are there only then.
RuleSet rules(const Settings& settings, const std::function<bool(const SetKind&)>& used,
              const std::vector<DeniedAccess>& denied);

}  // namespace proxy::ipvs
