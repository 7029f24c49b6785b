#include <regex>

#include "labctl/topology/tables.h"
#include "labctl/topology/values.h"

namespace topology {
namespace {

template <class V>
Type<std::vector<V>> named(std::string called, Type<V> inner, NameRule rule) {
  return map_of<V, std::vector<V>>(
      std::move(called), inner,
      [](std::vector<V>& values, const yaml::Entry& entry, V value) {
        value.name = entry.key;
        value.at = entry.at;
        values.push_back(std::move(value));
      },
      std::move(rule));
}

using Sysctls = std::vector<std::pair<Located<std::string>, std::string>>;

// NET.IPV4.IP_FORWARD as sysctl(8) writes it: a dot between the components, a "/" for a dot inside one (of a VLAN's
// name). A component of dots alone would lead out of /proc/sys.
NameRule sysctl_rule() {
  static const char* pattern = "^[A-Za-z0-9_-]+([.][A-Za-z0-9_:-]+(/[A-Za-z0-9_:-]+)*)+$";
  return {[](const std::string& name) -> std::string {
            static const std::regex form(pattern);
            if (name.size() < 256 && std::regex_match(name, form)) return {};
            return fmt::format("\"{}\" is not a sysctl, write it with dots: net.ipv4.ip_forward", name);
          },
          pattern};
}

Type<Sysctls> sysctls_type() {
  return map_of<std::string, Sysctls>(
      "a mapping of sysctls", text_type("its value, as one text (\"4096 87380 6291456\")"),
      [](Sysctls& sysctls, const yaml::Entry& entry, std::string value) {
        sysctls.push_back({{entry.key, entry.at}, std::move(value)});
      },
      sysctl_rule());
}

}  // namespace

Type<Node> node_type() {
  ObjectKind<Node> kind{"node", "A machine: network, mount, host name and process namespaces of its own.",
                        "{links: {lan: 192.168.1.1}}"};
  kind.fields = {
      field<Node>("links", &Node::links, named("a mapping of links", link_type(), interface_rule()),
                  "Its network interfaces by name. A link named after a network is attached to it.",
                  "{lan: 192.168.1.1, vip0: {kind: dummy, address: 10.10.0.1/32}}"),
      field<Node>(
          "routes", &Node::routes, list_of(route_type(), "routes"),
          "Its routes, as `ip route` writes them: a destination and `via`, `dev`, `src`, `metric`, `table`, `mtu`, "
          "`onlink`; or `blackhole`, `unreachable`, `prohibit` and a destination.",
          "[default via 192.168.1.254]"),
      field<Node>(
          "rules", &Node::rules, list_of(rule_type(), "rules"),
          "Rules of policy routing, as `ip rule` writes them: `from`, `to`, `fwmark`, `iif`, `oif`, and the table "
          "to `lookup`; of IPv4 where no address says otherwise. The least `priority` is asked first; without "
          "one, a rule comes before those that are there.",
          "[from 192.168.1.0/24 lookup 100]"),
      field<Node>("sysctls", &Node::sysctls, sysctls_type(), "Kernel settings of this node.",
                  "{net.ipv4.ip_forward: 1}"),
      field<Node>("ipvs", &Node::ipvs, list_of(ipvs_type(), "virtual services"),
                  "Virtual services of the kernel's IP virtual server.",
                  "[{service: tcp://10.10.0.1:8410, servers: [192.168.113.99:8080]}]"),
      field<Node>("ipset", &Node::ipset, text_type("a text"),
                  "IP sets, as `ipset restore` reads them; they are there before the other rulesets.",
                  "\"create banned hash:ip\\nadd banned 10.0.0.9\\n\""),
      field<Node>("iptables", &Node::iptables, text_type("a text"), "Rules, as `iptables-restore` reads them.",
                  "\"*filter\\n-A INPUT -p tcp --dport 23 -j DROP\\nCOMMIT\\n\""),
      field<Node>("ip6tables", &Node::ip6tables, text_type("a text"),
                  "Rules for IPv6, as `ip6tables-restore` reads them.",
                  "\"*filter\\n-A INPUT -p tcp --dport 23 -j DROP\\nCOMMIT\\n\""),
      field<Node>("nftables", &Node::nftables, text_type("a text"), "A ruleset, as `nft -f` reads it.",
                  "\"table inet filter { chain input { type filter hook input priority 0; tcp dport 23 drop; }; }\""),
      field<Node>("workloads", &Node::workloads, named("a mapping of workloads", workload_type(), label_rule()),
                  "Processes that run in it, by name.", "{web: {serve: http, port: 8080}}")};
  return object_type(std::move(kind));
}

}  // namespace topology
