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
      field<Node>("routes", &Node::routes, list_of(route_type(), "routes"), "Its routes, as `ip route` writes them.",
                  "[default via 192.168.1.254]"),
      field<Node>("sysctls", &Node::sysctls, sysctls_type(), "Kernel settings of this node.",
                  "{net.ipv4.ip_forward: 1}"),
      field<Node>("ipvs", &Node::ipvs, list_of(ipvs_type(), "virtual services"),
                  "Virtual services of the kernel's IP virtual server.",
                  "[{service: tcp://10.10.0.1:8410, servers: [192.168.113.99:8080]}]"),
      field<Node>("workloads", &Node::workloads, named("a mapping of workloads", workload_type(), label_rule()),
                  "Processes that run in it, by name.", "{web: {serve: http, port: 8080}}")};
  return object_type(std::move(kind));
}

}  // namespace topology
