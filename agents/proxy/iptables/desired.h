// Services → the rules of kube-proxy's iptables mode (1.33): a pure function. Chains, comments and their order are its
// own, so that a person who knows one of the two finds the way in the other. What a cluster of more than 1000 endpoints
// has not are the comments at endpoints: 40 % of the rules' text.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "agents/proxy/rules.h"
#include "agents/proxy/service_port.h"
#include "agents/proxy/settings.h"

namespace proxy::iptables {

struct Settings : proxy::Settings {
  bool localhost_node_ports = true;  // node ports on 127.0.0.1, too
  // Packets that belong to no connection that is known would reach a client past the translation, which would answer
  // with a reset (kubernetes#74839). Not where the kernel takes them for valid (nf_conntrack_tcp_be_liberal).
  bool drop_invalid = true;
};

struct State {
  std::map<std::string, std::string> sysctls;
  RuleSet rules;
};

State desired_state(const std::vector<ServicePort>& ports, const NodeView& node, const Settings& settings);

// Chains and jumps of the mode whatever the Services are, and the prefixes of the others. KUBE-FIREWALL is not among
// them: a kubelet has it, too, and it guards a sysctl that stays.
RuleSet skeleton();

}  // namespace proxy::iptables
