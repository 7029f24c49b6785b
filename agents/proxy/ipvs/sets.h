// The IP sets of kube-proxy's ipvs mode: names, types and comments as in its ipset.go.
#pragma once

#include <array>
#include <string>

#include "agents/proxy/service_port.h"
#include "lib/netfilter/ipset/ipset.h"

namespace proxy::ipvs {

struct SetKind {
  const char* name;
  const char* type;
  const char* comment;  // of the rules that refer to it
};

namespace sets {
extern const SetKind loop_back;
extern const SetKind cluster_ip;
extern const SetKind external_ip;
extern const SetKind external_ip_local;
extern const SetKind load_balancer;
extern const SetKind load_balancer_firewall;
extern const SetKind load_balancer_local;
extern const SetKind load_balancer_source_ip;
extern const SetKind load_balancer_source_cidr;
extern const SetKind node_port_tcp;
extern const SetKind node_port_local_tcp;
extern const SetKind node_port_udp;
extern const SetKind node_port_local_udp;
extern const SetKind node_port_sctp;
extern const SetKind node_port_local_sctp;
extern const SetKind health_check_node_port;
extern const SetKind ipvs_ips;

extern const std::array<const SetKind*, 17> all;
}  // namespace sets

// "KUBE-CLUSTER-IP", "KUBE-6-CLUSTER-IP"; cut at the 31 characters that a name holds.
std::string set_name(const SetKind& kind, Family family);
netfilter::IpSetDefinition definition(const SetKind& kind, Family family);

}  // namespace proxy::ipvs
