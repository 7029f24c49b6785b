#include "agents/proxy/iptables/desired.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "agents/proxy/iptables/names.h"
#include "agents/proxy/masquerading.h"

namespace proxy::iptables {
namespace {

using netlink::IpAddress;
using netlink::Prefix;
using Rules = std::vector<std::string>;

constexpr size_t commented_endpoints = 1000;

// As iptables prints it, which keeps it as a share of 2^31 (libxt_statistic.c).
std::string probability(size_t one_in) {
  constexpr double whole = 0x80000000U;
  return fmt::format("{:.11f}", std::round(whole / static_cast<double>(one_in)) / whole);
}

std::string alone(const IpAddress& address) {
  return Prefix{address, address.bits()}.to_string();
}

std::string jump(const std::string& chain) {
  return "-j " + chain;
}

// Who answers at a port, by the way that a packet comes.
struct Answering {
  std::vector<Endpoint> cluster;  // empty where nothing goes to any endpoint
  std::vector<Endpoint> local;    // empty where nothing goes to local ones alone
  bool anybody = false;           // somebody does, on whatever node
  bool inside = false;            // … at the cluster IP
  bool outside = false;           // … for what comes from outside the cluster

  Answering(const ServicePort& port, const std::string& zone) {
    cluster = cluster_endpoints(port, zone);
    local = local_endpoints(port);
    anybody = !cluster.empty();
    inside = port.internal_local ? !local.empty() : anybody;
    outside = port.external_local ? !local.empty() : anybody;
    // Pods and the node itself reach external addresses past policy Local: they are inside.
    if (port.internal_local && !port.externally_accessible()) cluster.clear();
    if (!port.internal_local && !(port.external_local && port.externally_accessible())) local.clear();
    sort_as_kube_proxy(cluster);
    sort_as_kube_proxy(local);
  }

  // Those that a chain leads to, each once.
  std::vector<Endpoint> reachable() const {
    std::vector<Endpoint> all = cluster;
    for (const Endpoint& endpoint : local) {
      bool known = std::any_of(cluster.begin(), cluster.end(), [&](const Endpoint& one) {
        return one.address == endpoint.address && one.port == endpoint.port;
      });
      if (!known) all.push_back(endpoint);
    }
    return all;
  }

 private:
  static void sort_as_kube_proxy(std::vector<Endpoint>& endpoints) {
    std::sort(endpoints.begin(), endpoints.end(),
              [](const Endpoint& left, const Endpoint& right) { return place(left) < place(right); });
  }
};

class Builder {
 public:
  Builder(const NodeView& node, const Settings& settings, bool with_endpoint_comments)
      : node_(node),
        settings_(settings),
        with_endpoint_comments_(with_endpoint_comments),
        ipv6_(settings.family == Family::ipv6) {}

  void add(const ServicePort& port) {
    Answering answering(port, node_.zone);
    add_cluster_ip(port, answering);
    for (const IpAddress& address : port.external_ips) add_external_ip(port, address, answering);
    for (const IpAddress& address : port.load_balancer_ips) add_load_balancer_ip(port, address, answering);
    if (port.node_port != 0) add_node_port(port, answering);
    if (port.health_check_node_port != 0) {
      health_checks_.push_back("-p tcp " + comment(port.name + " health check node port") +
                               fmt::format("-m tcp --dport {} -j ACCEPT", port.health_check_node_port));
    }
    if (answering.anybody) add_chains(port, answering);
  }

  State finish() {
    add_node_port_dispatch();
    State state;
    if (serves_localhost()) state.sysctls["net.ipv4.conf.all.route_localnet"] = "1";
    RuleSet& rules = state.rules;
    rules = skeleton();
    set(rules["nat"], "KUBE-SERVICES", std::move(services_));
    set(rules["nat"], "KUBE-NODEPORTS", std::move(node_ports_));
    set(rules["nat"], "KUBE-POSTROUTING", masquerading::postrouting_chain(settings_.masquerade_mark));
    set(rules["nat"], "KUBE-MARK-MASQ", masquerading::mark_chain(settings_.masquerade_mark));
    std::vector<Chain>& nat = rules["nat"].chains;
    nat.insert(nat.end(), chains_.begin(), chains_.end());
    Table& filter = rules["filter"];
    set(filter, "KUBE-SERVICES", std::move(refused_));
    set(filter, "KUBE-EXTERNAL-SERVICES", std::move(refused_from_outside_));
    set(filter, "KUBE-FORWARD", forward());
    set(filter, "KUBE-NODEPORTS", std::move(health_checks_));
    set(filter, "KUBE-PROXY-FIREWALL", std::move(firewall_));
    filter.chains.push_back({"KUBE-FIREWALL", localnet_guard()});
    filter.jumps.push_back({"INPUT", "KUBE-FIREWALL"});
    filter.jumps.push_back({"OUTPUT", "KUBE-FIREWALL"});
    return state;
  }

 private:
  static void set(Table& table, const std::string& name, Rules rules) {
    auto chain =
        std::find_if(table.chains.begin(), table.chains.end(), [&](const Chain& it) { return it.name == name; });
    if (chain != table.chains.end()) chain->rules = std::move(rules);
  }

  // Matches, in the order in which iptables prints them.
  static std::string to_port(const ServicePort& port, std::uint16_t number, const std::string& text,
                             const std::string& more = {}) {
    std::string protocol = netfilter::lower_case(port.protocol);
    return fmt::format("-p {} {}{}-m {} --dport {} ", protocol, comment(text), more, protocol, number);
  }
  static std::string to_address(const ServicePort& port, const IpAddress& address, const std::string& text) {
    return "-d " + alone(address) + " " + to_port(port, port.port, text);
  }
  std::string from_pods() const { return "-s " + settings_.cluster_cidr->network().to_string() + " "; }

  // What becomes of packets that nobody answers: told at once where the Service has no endpoint at all, dropped where
  // only this node has none, since a load balancer may yet find another.
  static std::string reason(const ServicePort& port, const Answering& answering) {
    return port.name + (answering.anybody ? " has no local endpoints" : " has no endpoints");
  }
  std::string refusal(const Answering& answering) const {
    if (answering.anybody) return "-j DROP";
    return std::string("-j REJECT --reject-with ") + (ipv6_ ? "icmp6-port-unreachable" : "icmp-port-unreachable");
  }

  static std::string policy_chain(const ServicePort& port, bool local) {
    return local ? local_chain(port) : cluster_chain(port);
  }

  void add_cluster_ip(const ServicePort& port, const Answering& answering) {
    if (answering.inside) {
      services_.push_back(to_address(port, port.cluster_ip, port.name + " cluster IP") +
                          jump(policy_chain(port, port.internal_local)));
    } else {
      refused_.push_back(to_address(port, port.cluster_ip, reason(port, answering)) + refusal(answering));
    }
  }

  // Also where policy Local finds nobody: the chain leads pods and the node itself elsewhere.
  void add_external_ip(const ServicePort& port, const IpAddress& address, const Answering& answering) {
    if (answering.anybody) {
      services_.push_back(to_address(port, address, port.name + " external IP") + jump(external_chain(port)));
    }
    refuse_from_outside(port, address, answering);
  }

  void add_load_balancer_ip(const ServicePort& port, const IpAddress& address, const Answering& answering) {
    if (answering.anybody) {
      services_.push_back(to_address(port, address, port.name + " loadbalancer IP") +
                          jump(port.restricts_sources ? firewall_chain(port) : external_chain(port)));
      if (port.restricts_sources) {
        firewall_.push_back(to_address(port, address, port.name + " traffic not accepted by " + firewall_chain(port)) +
                            "-j DROP");
      }
    }
    refuse_from_outside(port, address, answering);
  }

  void refuse_from_outside(const ServicePort& port, const IpAddress& address, const Answering& answering) {
    if (answering.outside) return;
    refused_from_outside_.push_back(to_address(port, address, reason(port, answering)) + refusal(answering));
  }

  // Source ranges do not hold for node ports.
  void add_node_port(const ServicePort& port, const Answering& answering) {
    if (answering.anybody) {
      node_ports_.push_back(to_port(port, port.node_port, port.name) + jump(external_chain(port)));
    }
    if (!answering.outside) {
      refused_from_outside_.push_back(
          to_port(port, port.node_port, reason(port, answering), "-m addrtype --dst-type LOCAL ") + refusal(answering));
    }
  }

  // In the order in which a packet meets them.
  void add_chains(const ServicePort& port, const Answering& answering) {
    if (port.externally_accessible()) add_chain(port, external_chain(port), external_rules(port, answering));
    if (port.restricts_sources && !port.load_balancer_ips.empty()) {
      add_chain(port, firewall_chain(port), firewall_rules(port));
    }
    if (!answering.cluster.empty()) {
      add_chain(port, cluster_chain(port), policy_rules(port, answering.cluster, !port.internal_local));
    }
    if (!answering.local.empty()) {
      add_chain(port, local_chain(port), policy_rules(port, answering.local, port.internal_local));
    }
    for (const Endpoint& endpoint : answering.reachable()) {
      add_chain(port, endpoint_chain(port, endpoint), endpoint_rules(port, endpoint));
    }
  }
  void add_chain(const ServicePort& port, std::string name, Rules rules) {
    chains_.push_back({std::move(name), std::move(rules), port.name});
  }

  Rules external_rules(const ServicePort& port, const Answering& answering) const {
    const std::string destinations = " traffic for " + port.name + " external destinations";
    Rules rules;
    if (!port.external_local) {
      // The endpoint may be on another node, and its answer has to come back here.
      rules.push_back(comment("masquerade" + destinations) + masquerading::jump);
    } else {
      const std::string local = "-m addrtype --src-type LOCAL ";
      if (settings_.cluster_cidr) {
        rules.push_back(from_pods() + comment("pod" + destinations) + jump(cluster_chain(port)));
      }
      rules.push_back(comment("masquerade LOCAL" + destinations) + local + masquerading::jump);
      rules.push_back(comment("route LOCAL" + destinations) + local + jump(cluster_chain(port)));
    }
    if (answering.outside) rules.push_back(jump(policy_chain(port, port.external_local)));
    return rules;
  }

  Rules firewall_rules(const ServicePort& port) const {
    const std::string accepted = comment(port.name + " loadbalancer IP") + jump(external_chain(port));
    Rules rules;
    bool allows_node = false;
    for (const Prefix& range : port.source_ranges) {
      rules.push_back("-s " + range.to_string() + " " + accepted);
      allows_node = allows_node || (node_.ip && range.contains(*node_.ip));
    }
    // Where the load balancer's address is one of the node's, that is what the node's own packets come from.
    for (const IpAddress& address : allows_node ? port.load_balancer_ips : std::vector<IpAddress>()) {
      rules.push_back("-s " + alone(address) + " " + accepted);
    }
    // What comes to the end keeps its destination, by which the filter table knows it.
    std::string end = comment("other traffic to " + port.name + " will be dropped by KUBE-PROXY-FIREWALL");
    rules.push_back(end.substr(0, end.size() - 1));
    return rules;
  }

  Rules policy_rules(const ServicePort& port, const std::vector<Endpoint>& endpoints, bool has_cluster_ip) const {
    Rules rules;
    if (has_cluster_ip) add_masquerade_to_cluster_ip(rules, port);
    if (port.affinity_seconds) {
      for (const Endpoint& endpoint : endpoints) rules.push_back(return_to(port, endpoint));
    }
    for (size_t left = endpoints.size(); left > 0; --left) {
      const Endpoint& endpoint = endpoints[endpoints.size() - left];
      std::string rule = endpoint_comment(port.name + " -> " + place(endpoint));
      if (left > 1) rule += "-m statistic --mode random --probability " + probability(left) + " ";
      rules.push_back(rule + jump(endpoint_chain(port, endpoint)));
    }
    return rules;
  }

  // A machine outside may have a route to the cluster IPs by this node.
  void add_masquerade_to_cluster_ip(Rules& rules, const ServicePort& port) const {
    std::string rule = to_address(port, port.cluster_ip, port.name + " cluster IP") + masquerading::jump;
    if (settings_.masquerade_all) {
      rules.push_back(rule);
    } else if (settings_.cluster_cidr) {
      rules.push_back("! " + from_pods() + rule);
    }
  }

  // A client that this endpoint has served lately comes back to it.
  std::string return_to(const ServicePort& port, const Endpoint& endpoint) const {
    std::string chain = endpoint_chain(port, endpoint);
    return endpoint_comment(port.name + " -> " + place(endpoint)) +
           fmt::format("-m recent --rcheck --seconds {} --reap {}{}", *port.affinity_seconds, recent_list(chain),
                       jump(chain));
  }
  std::string recent_list(const std::string& name) const {
    return "--name " + name + " --mask " + (ipv6_ ? "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" : "255.255.255.255") +
           " --rsource ";
  }

  Rules endpoint_rules(const ServicePort& port, const Endpoint& endpoint) const {
    std::string protocol = netfilter::lower_case(port.protocol);
    std::string translate = "-p " + protocol + " " + endpoint_comment(port.name);
    if (port.affinity_seconds) translate += "-m recent --set " + recent_list(endpoint_chain(port, endpoint));
    // An endpoint that reaches itself would answer itself past the translation: it is made to see the node instead.
    return {"-s " + alone(endpoint.address) + " " + endpoint_comment(port.name) + masquerading::jump,
            translate + "-m " + protocol + " -j DNAT --to-destination " + place(endpoint)};
  }

  std::string endpoint_comment(const std::string& text) const { return with_endpoint_comments_ ? comment(text) : ""; }

  // Node ports on 127.0.0.1 need packets with such an address to be routed, which IPv6 does not do at all.
  bool serves_localhost() const {
    if (ipv6_ || !settings_.localhost_node_ports) return false;
    return serves_all_addresses() || serves(*IpAddress::parse("127.0.0.1"));
  }
  bool serves_all_addresses() const {
    const std::vector<Prefix>& ranges = settings_.node_port_addresses;
    return ranges.empty() ||
           std::any_of(ranges.begin(), ranges.end(), [](const Prefix& range) { return range.length == 0; });
  }
  bool serves(const IpAddress& address) const {
    const std::vector<Prefix>& ranges = settings_.node_port_addresses;
    return std::any_of(ranges.begin(), ranges.end(), [&](const Prefix& range) { return range.contains(address); });
  }

  void add_node_port_dispatch() {
    const std::string last = comment("kubernetes service nodeports; NOTE: this must be the last rule in this chain");
    if (serves_all_addresses()) {
      std::string rule = last + "-m addrtype --dst-type LOCAL -j KUBE-NODEPORTS";
      if (!serves_localhost()) rule = std::string("! -d ") + (ipv6_ ? "::1/128 " : "127.0.0.0/8 ") + rule;
      services_.push_back(rule);
      return;
    }
    std::vector<IpAddress> addresses = node_.addresses;
    if (serves_localhost()) addresses.insert(addresses.begin(), *IpAddress::parse("127.0.0.1"));
    for (const IpAddress& address : addresses) {
      if (serves(address)) services_.push_back("-d " + alone(address) + " " + last + "-j KUBE-NODEPORTS");
    }
  }

  Rules forward() const {
    Rules rules = masquerading::forward_chain(settings_.masquerade_mark);
    if (settings_.drop_invalid) rules.insert(rules.begin(), "-m conntrack --ctstate INVALID -j DROP");
    return rules;
  }

  // route_localnet lets neighbours reach what listens on 127.0.0.1 (kubernetes#90259). In the words of the kubelet,
  // which has the same rule.
  Rules localnet_guard() const {
    if (!serves_localhost()) return {};
    return {"! -s 127.0.0.0/8 -d 127.0.0.0/8 " + comment("block incoming localnet connections") +
            "-m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP"};
  }

  const NodeView& node_;
  const Settings& settings_;
  bool with_endpoint_comments_;
  bool ipv6_;
  Rules services_;              // nat KUBE-SERVICES
  Rules node_ports_;            // nat KUBE-NODEPORTS
  std::vector<Chain> chains_;   // of Services, in nat
  Rules refused_;               // filter KUBE-SERVICES
  Rules refused_from_outside_;  // filter KUBE-EXTERNAL-SERVICES
  Rules firewall_;              // filter KUBE-PROXY-FIREWALL
  Rules health_checks_;         // filter KUBE-NODEPORTS
};

}  // namespace

State desired_state(const std::vector<ServicePort>& ports, const NodeView& node, const Settings& settings) {
  size_t endpoints = 0;
  for (const ServicePort& port : ports) endpoints += port.endpoints.size();
  Builder builder(node, settings, endpoints <= commented_endpoints);
  for (const ServicePort& port : ports) builder.add(port);
  return builder.finish();
}

// KUBE-PROXY-CANARY holds nothing: kube-proxy sees by it that somebody has flushed the table.
RuleSet skeleton() {
  const std::string first = "-m conntrack --ctstate NEW";
  RuleSet rules;
  rules["mangle"].chains = {{"KUBE-PROXY-CANARY", {}}};
  rules["nat"].chains = {{"KUBE-SERVICES", {}},
                         {"KUBE-NODEPORTS", {}},
                         {"KUBE-POSTROUTING", {}},
                         {"KUBE-MARK-MASQ", {}},
                         {"KUBE-PROXY-CANARY", {}}};
  rules["nat"].jumps = {{"OUTPUT", "KUBE-SERVICES", "kubernetes service portals"},
                        {"PREROUTING", "KUBE-SERVICES", "kubernetes service portals"},
                        {"POSTROUTING", "KUBE-POSTROUTING", "kubernetes postrouting rules"}};
  rules["nat"].prefixes = chain_prefixes();
  rules["filter"].chains = {{"KUBE-SERVICES", {}},  {"KUBE-EXTERNAL-SERVICES", {}}, {"KUBE-FORWARD", {}},
                            {"KUBE-NODEPORTS", {}}, {"KUBE-PROXY-FIREWALL", {}},    {"KUBE-PROXY-CANARY", {}}};
  rules["filter"].jumps = {
      {"INPUT", "KUBE-EXTERNAL-SERVICES", "kubernetes externally-visible service portals", first},
      {"FORWARD", "KUBE-EXTERNAL-SERVICES", "kubernetes externally-visible service portals", first},
      {"INPUT", "KUBE-NODEPORTS", "kubernetes health check service ports"},
      {"FORWARD", "KUBE-SERVICES", "kubernetes service portals", first},
      {"OUTPUT", "KUBE-SERVICES", "kubernetes service portals", first},
      {"FORWARD", "KUBE-FORWARD", "kubernetes forwarding rules"},
      {"INPUT", "KUBE-PROXY-FIREWALL", "kubernetes load balancer firewall", first},
      {"OUTPUT", "KUBE-PROXY-FIREWALL", "kubernetes load balancer firewall", first},
      {"FORWARD", "KUBE-PROXY-FIREWALL", "kubernetes load balancer firewall", first}};
  return rules;
}

}  // namespace proxy::iptables
