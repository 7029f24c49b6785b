#include "agents/proxy/ipvs/sets.h"

namespace proxy::ipvs {
namespace sets {

const SetKind loop_back{"KUBE-LOOP-BACK", "hash:ip,port,ip",
                        "Kubernetes endpoints dst ip:port, source ip for solving hairpin purpose"};
const SetKind cluster_ip{"KUBE-CLUSTER-IP", "hash:ip,port",
                         "Kubernetes service cluster ip + port for masquerade purpose"};
const SetKind external_ip{"KUBE-EXTERNAL-IP", "hash:ip,port",
                          "Kubernetes service external ip + port for masquerade and filter purpose"};
const SetKind external_ip_local{"KUBE-EXTERNAL-IP-LOCAL", "hash:ip,port",
                                "Kubernetes service external ip + port with externalTrafficPolicy=local"};
const SetKind load_balancer{"KUBE-LOAD-BALANCER", "hash:ip,port", "Kubernetes service lb portal"};
const SetKind load_balancer_firewall{"KUBE-LOAD-BALANCER-FW", "hash:ip,port",
                                     "Kubernetes service load balancer ip + port for load balancer with sourceRange"};
const SetKind load_balancer_local{"KUBE-LOAD-BALANCER-LOCAL", "hash:ip,port",
                                  "Kubernetes service load balancer ip + port with externalTrafficPolicy=local"};
const SetKind load_balancer_source_ip{
    "KUBE-LOAD-BALANCER-SOURCE-IP", "hash:ip,port,ip",
    "Kubernetes service load balancer ip + port + source IP for packet filter purpose"};
const SetKind load_balancer_source_cidr{
    "KUBE-LOAD-BALANCER-SOURCE-CIDR", "hash:ip,port,net",
    "Kubernetes service load balancer ip + port + source cidr for packet filter purpose"};
const SetKind node_port_tcp{"KUBE-NODE-PORT-TCP", "bitmap:port", "Kubernetes nodeport TCP port for masquerade purpose"};
const SetKind node_port_local_tcp{"KUBE-NODE-PORT-LOCAL-TCP", "bitmap:port",
                                  "Kubernetes nodeport TCP port with externalTrafficPolicy=local"};
const SetKind node_port_udp{"KUBE-NODE-PORT-UDP", "bitmap:port", "Kubernetes nodeport UDP port for masquerade purpose"};
const SetKind node_port_local_udp{"KUBE-NODE-PORT-LOCAL-UDP", "bitmap:port",
                                  "Kubernetes nodeport UDP port with externalTrafficPolicy=local"};
const SetKind node_port_sctp{"KUBE-NODE-PORT-SCTP-HASH", "hash:ip,port",
                             "Kubernetes nodeport SCTP port for masquerade purpose with type 'hash ip:port'"};
const SetKind node_port_local_sctp{
    "KUBE-NODE-PORT-LOCAL-SCTP-HASH", "hash:ip,port",
    "Kubernetes nodeport SCTP port with externalTrafficPolicy=local with type 'hash ip:port'"};
const SetKind health_check_node_port{"KUBE-HEALTH-CHECK-NODE-PORT", "bitmap:port", "Kubernetes health check node port"};
const SetKind ipvs_ips{"KUBE-IPVS-IPS", "hash:ip", "Addresses on the ipvs interface"};

const std::array<const SetKind*, 17> all{&loop_back,
                                         &cluster_ip,
                                         &external_ip,
                                         &external_ip_local,
                                         &load_balancer,
                                         &load_balancer_firewall,
                                         &load_balancer_local,
                                         &load_balancer_source_ip,
                                         &load_balancer_source_cidr,
                                         &node_port_tcp,
                                         &node_port_local_tcp,
                                         &node_port_udp,
                                         &node_port_local_udp,
                                         &node_port_sctp,
                                         &node_port_local_sctp,
                                         &health_check_node_port,
                                         &ipvs_ips};

}  // namespace sets

std::string set_name(const SetKind& kind, Family family) {
  std::string name = kind.name;
  if (family == Family::ipv6) name.insert(std::string("KUBE-").size(), "6-");
  return name.substr(0, netfilter::max_set_name);
}

netfilter::IpSetDefinition definition(const SetKind& kind, Family family) {
  netfilter::IpSetDefinition definition;
  definition.name = set_name(kind, family);
  definition.type = kind.type;
  definition.ipv6 = family == Family::ipv6 && definition.type != "bitmap:port";
  return definition;
}

}  // namespace proxy::ipvs
