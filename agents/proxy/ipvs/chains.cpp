#include "agents/proxy/ipvs/chains.h"

#include <fmt/format.h>

#include "agents/proxy/masquerading.h"

namespace proxy::ipvs {
namespace {

const char* const mark_masq = masquerading::jump;

class Chains {
 public:
  Chains(const Settings& settings, const std::function<bool(const SetKind&)>& used,
         const std::vector<DeniedAccess>& denied)
      : settings_(settings), used_(used), denied_(denied), ipv6_(settings.family == Family::ipv6) {}

  RuleSet all() const {
    RuleSet rules;
    rules["nat"] = {{{"KUBE-SERVICES", services()},
                     {"KUBE-POSTROUTING", postrouting()},
                     {"KUBE-NODE-PORT", node_port()},
                     {"KUBE-LOAD-BALANCER", load_balancer()},
                     {"KUBE-MARK-MASQ", masquerading::mark_chain(settings_.masquerade_mark)}},
                    {{"OUTPUT", "KUBE-SERVICES", "kubernetes service portals"},
                     {"PREROUTING", "KUBE-SERVICES", "kubernetes service portals"},
                     {"POSTROUTING", "KUBE-POSTROUTING", "kubernetes postrouting rules"}}};
    rules["filter"] = {{{"KUBE-FORWARD", masquerading::forward_chain(settings_.masquerade_mark)},
                        {"KUBE-NODE-PORT", health_checks()},
                        {"KUBE-PROXY-FIREWALL", firewall()},
                        {"KUBE-SOURCE-RANGES-FIREWALL", source_ranges()},
                        {"KUBE-IPVS-FILTER", input_filter()},
                        {"KUBE-IPVS-OUT-FILTER", output_filter()}},
                       {{"FORWARD", "KUBE-FORWARD", "kubernetes forwarding rules"},
                        {"INPUT", "KUBE-NODE-PORT", "kubernetes health check rules"},
                        {"INPUT", "KUBE-PROXY-FIREWALL", "kube-proxy firewall rules"},
                        {"FORWARD", "KUBE-PROXY-FIREWALL", "kube-proxy firewall rules"},
                        {"INPUT", "KUBE-IPVS-FILTER", "kubernetes ipvs access filter"},
                        {"OUTPUT", "KUBE-IPVS-OUT-FILTER", "kubernetes ipvs access filter"}}};
    return rules;
  }

 private:
  using Rules = std::vector<std::string>;

  std::string match(const SetKind& kind, const char* directions) const {
    return "-m set --match-set " + set_name(kind, settings_.family) + " " + directions + " ";
  }
  std::string commented_match(const SetKind& kind, const char* directions) const {
    return comment(kind.comment) + match(kind, directions);
  }
  void add_if_used(Rules& rules, const SetKind& kind, const std::string& rule) const {
    if (used_(kind)) rules.push_back(rule);
  }

  Rules services() const {
    Rules rules{ipv6_ ? "-s ::1/128 -j RETURN" : "-s 127.0.0.0/8 -j RETURN"};
    add_if_used(rules, sets::load_balancer, commented_match(sets::load_balancer, "dst,dst") + "-j KUBE-LOAD-BALANCER");
    add_if_used(rules, sets::cluster_ip, masquerade_to_cluster_ip());
    add_if_used(rules, sets::external_ip, commented_match(sets::external_ip, "dst,dst") + mark_masq);
    accept_from_outside(rules, sets::external_ip);
    accept_from_outside(rules, sets::external_ip_local);
    rules.push_back("-m addrtype --dst-type LOCAL -j KUBE-NODE-PORT");
    for (const SetKind* kind : {&sets::cluster_ip, &sets::load_balancer}) {
      add_if_used(rules, *kind, match(*kind, "dst,dst") + "-j ACCEPT");
    }
    return rules;
  }

  std::string masquerade_to_cluster_ip() const {
    if (settings_.masquerade_all) return commented_match(sets::cluster_ip, "dst,dst") + mark_masq;
    if (settings_.cluster_cidr) {
      return "! -s " + settings_.cluster_cidr->network().to_string() + " " +
             commented_match(sets::cluster_ip, "dst,dst") + mark_masq;
    }
    // What a process of the node sends to a cluster IP has a cluster IP as its source, too: kube-ipvs0 has both.
    return commented_match(sets::cluster_ip, "src,dst") + mark_masq;
  }

  // What comes neither from a bridge, that is from a pod, nor from the node; and what the node has as its own address.
  void accept_from_outside(Rules& rules, const SetKind& kind) const {
    std::string to_external_ip = commented_match(kind, "dst,dst");
    add_if_used(rules, kind, to_external_ip + "-m physdev ! --physdev-is-in -m addrtype ! --src-type LOCAL -j ACCEPT");
    add_if_used(rules, kind, to_external_ip + "-m addrtype --dst-type LOCAL -j ACCEPT");
  }

  Rules load_balancer() const {
    Rules rules;
    add_if_used(rules, sets::load_balancer_local, commented_match(sets::load_balancer_local, "dst,dst") + "-j RETURN");
    rules.push_back(mark_masq);
    return rules;
  }

  Rules node_port() const {
    Rules rules;
    auto add = [&](const char* protocol, const SetKind& local, const SetKind& all, const char* directions) {
      std::string prefix = std::string("-p ") + protocol + " ";
      add_if_used(rules, local, prefix + commented_match(local, directions) + "-j RETURN");
      add_if_used(rules, all, prefix + commented_match(all, directions) + mark_masq);
    };
    add("tcp", sets::node_port_local_tcp, sets::node_port_tcp, "dst");
    add("udp", sets::node_port_local_udp, sets::node_port_udp, "dst");
    add("sctp", sets::node_port_local_sctp, sets::node_port_sctp, "dst,dst");
    return rules;
  }

  Rules postrouting() const {
    Rules rules;
    add_if_used(rules, sets::loop_back, commented_match(sets::loop_back, "dst,dst,src") + "-j MASQUERADE");
    Rules marked = masquerading::postrouting_chain(settings_.masquerade_mark);
    rules.insert(rules.end(), marked.begin(), marked.end());
    return rules;
  }

  Rules health_checks() const { return {commented_match(sets::health_check_node_port, "dst") + "-j ACCEPT"}; }

  Rules firewall() const {
    Rules rules;
    add_if_used(rules, sets::load_balancer_firewall,
                commented_match(sets::load_balancer_firewall, "dst,dst") + "-j KUBE-SOURCE-RANGES-FIREWALL");
    return rules;
  }

  Rules source_ranges() const {
    Rules rules;
    for (const SetKind* kind : {&sets::load_balancer_source_cidr, &sets::load_balancer_source_ip}) {
      add_if_used(rules, *kind, commented_match(*kind, "dst,dst,src") + "-j RETURN");
    }
    rules.push_back("-j DROP");
    return rules;
  }

  // Ports of the node are not to be reached by the addresses of kube-ipvs0 (kubernetes#72236).
  Rules input_filter() const {
    Rules rules;
    for (const SetKind* kind :
         {&sets::load_balancer, &sets::cluster_ip, &sets::external_ip, &sets::external_ip_local}) {
      rules.push_back(match(*kind, "dst,dst") + "-j RETURN");
    }
    rules.push_back(match(sets::health_check_node_port, "dst") + "-j RETURN");
    rules.push_back("-m conntrack --ctstate NEW " + match(sets::ipvs_ips, "dst") + "-j REJECT --reject-with " +
                    (ipv6_ ? "icmp6-port-unreachable" : "icmp-port-unreachable"));
    return rules;
  }

  // Source ranges that leave the node out (kubernetes#119656).
  Rules output_filter() const {
    Rules rules;
    for (const DeniedAccess& denied : denied_) {
      std::string address = denied.address.to_string();
      rules.push_back(fmt::format("-s {}/{} -m ipvs --vproto {} --vaddr {} --vport {} -j DROP", address,
                                  denied.address.bits(), static_cast<int>(denied.protocol), address, denied.port));
    }
    return rules;
  }

  const Settings& settings_;
  const std::function<bool(const SetKind&)>& used_;
  const std::vector<DeniedAccess>& denied_;
  bool ipv6_;
};

}  // namespace

RuleSet rules(const Settings& settings, const std::function<bool(const SetKind&)>& used,
              const std::vector<DeniedAccess>& denied) {
  return Chains(settings, used, denied).all();
}

}  // namespace proxy::ipvs
