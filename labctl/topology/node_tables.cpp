#include <limits>
#include <regex>
#include <sstream>

#include "labctl/topology/links/kinds.h"
#include "labctl/topology/tables.h"
#include "labctl/topology/values.h"

namespace topology {
namespace {

// ---- links

Type<std::pair<Located<Prefix>, bool>> link_address_type() {
  using Value = std::pair<Located<Prefix>, bool>;
  return {[](const yaml::Node& node, Value& value, Faults& faults) {
            std::optional<Prefix> prefix;
            if (node.kind == yaml::Node::Kind::scalar && node.text != "default") prefix = Prefix::parse(node.text);
            if (!prefix) return faults.add(node.at, wrong_type("an address (10.0.0.1 or 10.0.0.1/24)", node)), false;
            value = {{*prefix, node.at}, node.text.find('/') != std::string::npos};
            return true;
          },
          [](SchemaBuilder&) {
            return boost::json::object{{"type", "string"}};
          },
          "an address"};
}

bool decode_addresses(const yaml::Node& node, Link& link, Faults& faults) {
  std::vector<std::pair<Located<Prefix>, bool>> addresses;
  if (!list_of(link_address_type(), "addresses", Single::accepted).decode(node, addresses, faults)) return false;
  for (auto& [prefix, has_length] : addresses) {
    link.addresses.push_back(prefix);
    link.address_has_length.push_back(has_length);
  }
  return true;
}

std::vector<Field<Link>> common_link_fields() {
  Type<std::vector<std::pair<Located<Prefix>, bool>>> addresses =
      list_of(link_address_type(), "addresses", Single::accepted);
  return {{"address", "Its address or addresses; the length is that of the network's subnet where it is left out.",
           "192.168.1.1/24", addresses.called, false, decode_addresses, addresses.schema},
          field<Link>("mac", &Link::mac, optional(located(mac_type())),
                      "Its MAC address; derived from the names of node and link where it is left out.",
                      "02:00:00:00:00:01"),
          field<Link>("mtu", &Link::mtu, optional(mtu_type()), "The largest packet, in bytes.", "1450")};
}

// The link's table depends on its kind: the common fields, "kind" itself, and the kind's own.
ObjectKind<Link> link_kind(const LinkKindEntry& entry) {
  ObjectKind<Link> kind{"link of kind " + entry.name, entry.doc, entry.example, common_link_fields()};
  Field<Link> kind_key{"kind", "What kind of link it is; network where it is left out.", entry.name, "a kind of link"};
  kind_key.required = entry.name != "network";
  kind_key.decode = [](const yaml::Node&, Link&, Faults&) { return true; };
  kind_key.schema = [name = entry.name](SchemaBuilder&) { return boost::json::object{{"const", name}}; };
  kind.fields.insert(kind.fields.begin(), std::move(kind_key));
  kind.fields.insert(kind.fields.end(), entry.fields.begin(), entry.fields.end());
  return kind;
}

bool decode_link(const yaml::Node& node, Link& link, Faults& faults) {
  std::string name = "network";
  link.at = node.at;
  const yaml::Node* chosen = node.find("kind");
  if (chosen != nullptr && (chosen->kind != yaml::Node::Kind::scalar || chosen->is_null())) {
    return faults.add(chosen->at, wrong_type("a kind of link", *chosen)), false;
  }
  if (chosen != nullptr) name = chosen->text;
  std::vector<std::string> names;
  for (const LinkKindEntry& entry : link_kinds()) {
    names.push_back(entry.name);
    if (entry.name != name) continue;
    link.kind = entry.make();
    if (node.is_null()) return true;
    if (node.kind != yaml::Node::Kind::mapping) return decode_addresses(node, link, faults);
    return decode_object(link_kind(entry), node, link, faults);
  }
  faults.add(chosen->at, fmt::format("unknown kind of link \"{}\"{}", name, suggestion(name, names)));
  return false;
}

Type<Link> link_type() {
  return {decode_link,
          [](SchemaBuilder& builder) {
            boost::json::array any;
            for (const LinkKindEntry& entry : link_kinds()) any.push_back(object_schema(link_kind(entry), builder));
            any.push_back(list_of(link_address_type(), "addresses", Single::accepted).schema(builder));
            any.push_back(boost::json::object{{"type", "null"}});
            return boost::json::object{{"anyOf", any}};
          },
          "a link, or just its address"};
}

// ---- routes: "10.10.0.1 via 192.168.113.101 dev lan", as ip-route(8) has them

const std::vector<std::string>& route_words() {
  static const std::vector<std::string> words{"via", "dev", "src", "metric", "onlink"};
  return words;
}

// Takes WORD and its VALUE; returns what is wrong with them.
std::string take_route_word(const std::string& word, const std::string& value, Route& route) {
  if (word == "via" || word == "src") {
    std::optional<IpAddress> address = IpAddress::parse(value);
    (word == "via" ? route.via : route.source) = address;
    return address ? "" : fmt::format("\"{}\" after {} is not an IP address", value, word);
  }
  if (word == "dev") {
    route.device = value;
    return value.empty() ? "dev needs the name of a link" : "";
  }
  std::optional<std::uint64_t> number = parse_unsigned(value);
  if (!number || *number > std::numeric_limits<std::uint32_t>::max()) {
    return fmt::format("\"{}\" after metric is not a number (0 to {})", value,
                       std::numeric_limits<std::uint32_t>::max());
  }
  route.metric = static_cast<std::uint32_t>(*number);
  return "";
}

// Returns what is wrong with TEXT as a route.
std::string parse_route(const std::string& text, Route& route) {
  std::istringstream words(text);
  std::string word, value;
  words >> word;
  std::optional<Prefix> destination = Prefix::parse(word);
  if (!destination) return fmt::format("\"{}\" is no destination", word);
  route.destination = *destination;
  while (words >> word) {
    if (std::find(route_words().begin(), route_words().end(), word) == route_words().end()) {
      return fmt::format("unknown word \"{}\"{}", word, suggestion(word, route_words()));
    }
    if (word == "onlink") {
      route.onlink = true;
      continue;
    }
    value.clear();
    words >> value;
    std::string wrong = take_route_word(word, value, route);
    if (!wrong.empty()) return wrong;
  }
  return route.via || route.device ? "" : "it says neither via nor dev";
}

Type<Route> route_type() {
  const std::string called = "a route (10.10.0.0/16 via 192.168.1.1, or … dev LINK)";
  return {[called](const yaml::Node& node, Route& route, Faults& faults) {
            route.at = node.at;
            if (node.kind != yaml::Node::Kind::scalar || node.is_null()) {
              return faults.add(node.at, wrong_type(called, node)), false;
            }
            std::string wrong = parse_route(node.text, route);
            if (wrong.empty()) return true;
            faults.add(node.at, fmt::format("{}: {}", wrong_type(called, node), wrong));
            return false;
          },
          [](SchemaBuilder&) {
            return boost::json::object{{"type", "string"}};
          },
          called};
}

// ---- IPVS

bool parse_server(const std::string& text, IpvsServer& server) {
  auto endpoint = parse_endpoint(text);
  if (!endpoint) return false;
  server.address = endpoint->first;
  server.port = endpoint->second;
  return true;
}

Type<IpvsServer> ipvs_server_type() {
  ObjectKind<IpvsServer> kind{"ipvs server", "A real server of a virtual service.",
                              "{server: 192.168.113.99:8080, weight: 2}"};
  kind.fields = {
      required(Field<IpvsServer>{"server", "Its address and port.", "192.168.113.99:8080", "address:port", false,
                                 [](const yaml::Node& node, IpvsServer& server, Faults& faults) {
                                   server.at = node.at;
                                   if (parse_server(node.text, server)) return true;
                                   faults.add(node.at, wrong_type("an address with a port (10.0.0.1:80)", node));
                                   return false;
                                 },
                                 [](SchemaBuilder&) {
                                   return boost::json::object{{"type", "string"}};
                                 }}),
      field<IpvsServer>("weight", &IpvsServer::weight, number_type<std::uint32_t>("a weight", 0, 65535),
                        "Its share of new connections; 0 takes none.", "1")};
  kind.short_form = [](const yaml::Node& node, IpvsServer& server, Faults& faults) {
    server.at = node.at;
    if (node.kind == yaml::Node::Kind::scalar && parse_server(node.text, server)) return true;
    faults.add(node.at, wrong_type("an address with a port (10.0.0.1:80)", node));
    return false;
  };
  kind.short_doc = "just `address:port`";
  kind.short_schema = {{"type", "string"}};
  return object_type(std::move(kind));
}

bool decode_service(const yaml::Node& node, IpvsService& service, Faults& faults) {
  service.at = node.at;
  size_t scheme = node.text.find("://");
  if (node.kind == yaml::Node::Kind::scalar && scheme != std::string::npos) {
    service.protocol = node.text.substr(0, scheme);
    auto endpoint = parse_endpoint(node.text.substr(scheme + 3));
    if (endpoint && (service.protocol == "tcp" || service.protocol == "udp")) {
      service.address = endpoint->first;
      service.port = endpoint->second;
      return true;
    }
  }
  faults.add(node.at, wrong_type("a virtual service (tcp://10.10.0.1:8410)", node));
  return false;
}

Type<Forwarding> forwarding_type() {
  return scalar_type<Forwarding>("one of nat, dr, tun",
                                 [](const yaml::Node& node) -> std::optional<Forwarding> {
                                   if (node.text == "nat") return Forwarding::nat;
                                   if (node.text == "dr") return Forwarding::dr;
                                   if (node.text == "tun") return Forwarding::tun;
                                   return std::nullopt;
                                 },
                                 {{"enum", {"nat", "dr", "tun"}}});
}

Type<IpvsService> ipvs_type() {
  ObjectKind<IpvsService> kind{"ipvs service", "A virtual service of the kernel's IP virtual server.",
                               "{service: tcp://10.10.0.1:8410, servers: [192.168.113.99:8080]}"};
  kind.fields = {
      required(Field<IpvsService>{"service", "Protocol, address and port that clients use.", "tcp://10.10.0.1:8410",
                                  "protocol://address:port", false, decode_service,
                                  [](SchemaBuilder&) {
                                    return boost::json::object{{"type", "string"}};
                                  }}),
      field<IpvsService>(
          "scheduler", &IpvsService::scheduler,
          choice_type({"rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh", "sed", "nq", "fo", "ovf", "mh"}),
          "How a server is chosen for a new connection.", "rr"),
      field<IpvsService>("forward", &IpvsService::forward, forwarding_type(),
                         "How packets get to the server: rewritten (nat), by MAC (dr), in a tunnel (tun).", "nat"),
      field<IpvsService>("persistent", &IpvsService::persistent, optional(duration_type()),
                         "How long a client stays with its server.", "300s"),
      required(field<IpvsService>("servers", &IpvsService::servers, list_of(ipvs_server_type(), "servers"),
                                  "The real servers.", "[192.168.113.99:8080, 192.168.113.100:8080]"))};
  return object_type(std::move(kind));
}

// ---- workloads

// A key that says by what a workload is known to be ready: MAKE turns its value into the condition.
template <class V, class Make>
Field<Ready> condition(std::string name, Type<V> type, Make make, std::string doc, std::string example) {
  return {std::move(name),
          std::move(doc),
          std::move(example),
          type.called,
          false,
          [type, make](const yaml::Node& node, Ready& ready, Faults& faults) {
            if (!std::holds_alternative<std::monostate>(ready.condition)) {
              return faults.add(node.at, "a workload is ready by one condition, remove this one or the other"), false;
            }
            V value{};
            if (!type.decode(node, value, faults)) return false;
            ready.condition = make(std::move(value));
            return true;
          },
          type.schema};
}

// "8080/healthz"
Type<Ready::Http> http_ready_type() {
  return scalar_type<Ready::Http>("a port and a path (8080/healthz)",
                                  [](const yaml::Node& node) -> std::optional<Ready::Http> {
                                    size_t slash = node.text.find('/');
                                    std::optional<std::uint64_t> port = parse_unsigned(node.text.substr(0, slash));
                                    if (!port || *port < 1 || *port > 65535 || slash == std::string::npos)
                                      return std::nullopt;
                                    return Ready::Http{static_cast<std::uint16_t>(*port), node.text.substr(slash)};
                                  },
                                  {{"type", "string"}, {"pattern", "^[0-9]+/"}});
}

Type<Ready> ready_type() {
  ObjectKind<Ready> kind{"ready", "When a workload counts as ready; one of the conditions.", "{tcp: 8080}"};
  kind.fields = {
      condition(
          "tcp", port_type(), [](std::uint16_t port) { return Ready::Tcp{port}; },
          "A TCP port of the node accepts connections.", "8080"),
      condition(
          "http", http_ready_type(), [](Ready::Http http) { return http; },
          "A request to this port and path of the node is answered with a status from 200 to 399.", "8080/healthz"),
      condition(
          "log", pattern_type(), [](std::string pattern) { return Ready::Log{std::move(pattern)}; },
          "A line of its output matches this regular expression.", "\"ready for connections\""),
      condition(
          "file", path_type(), [](std::string path) { return Ready::File{std::move(path)}; },
          "A file exists in the node.", "/run/web.pid"),
      condition(
          "exit", number_type<unsigned>("the exit code", 0, 0), [](unsigned) { return Ready::Exit{}; },
          "It has ended, with this exit code.", "0"),
      field<Ready>("within", &Ready::within, duration_type(), "How long that may take.", "20s")};
  Type<Ready> type = object_type(std::move(kind));
  return {[type](const yaml::Node& node, Ready& ready, Faults& faults) {
            if (!type.decode(node, ready, faults)) return false;
            if (!std::holds_alternative<std::monostate>(ready.condition)) return true;
            faults.add(node.at, "\"ready\" without a condition, add one: tcp, http, log, file or exit");
            return false;
          },
          type.schema, type.called};
}

Type<std::vector<std::string>> command_type() {
  using Arguments = std::vector<std::string>;
  return {[](const yaml::Node& node, Arguments& arguments, Faults& faults) {
            if (node.kind == yaml::Node::Kind::sequence && !node.items.empty()) {
              return list_of(text_type("a word"), "words").decode(node, arguments, faults);
            }
            if (node.kind == yaml::Node::Kind::scalar && !node.text.empty()) {
              arguments = {"sh", "-c", node.text};
              return true;
            }
            faults.add(node.at, wrong_type("a command line, or a list of its words", node));
            return false;
          },
          list_of(word_type("a word"), "words", Single::accepted).schema, "a command line, or a list of its words"};
}

// A workload as it is written; what it is follows from which keys are there.
struct WrittenWorkload {
  Workload workload;
  Located<std::string> serve;
  std::optional<std::uint16_t> port;
  std::vector<std::string> run;
};

Type<Restart> restart_type() {
  return scalar_type<Restart>("one of never, on-failure, always",
                              [](const yaml::Node& node) -> std::optional<Restart> {
                                if (node.text == "never") return Restart::never;
                                if (node.text == "on-failure") return Restart::on_failure;
                                if (node.text == "always") return Restart::always;
                                return std::nullopt;
                              },
                              {{"enum", {"never", "on-failure", "always"}}});
}

template <class V>
Field<WrittenWorkload> workload_field(std::string name, V Workload::*member, Type<V> type, std::string doc,
                                      std::string example) {
  return {std::move(name),
          std::move(doc),
          std::move(example),
          type.called,
          false,
          [member, type](const yaml::Node& node, WrittenWorkload& written, Faults& faults) {
            return type.decode(node, written.workload.*member, faults);
          },
          type.schema};
}

ObjectKind<WrittenWorkload> workload_kind() {
  ObjectKind<WrittenWorkload> kind{"workload", "A process that runs in the node.", "{serve: http, port: 8080}"};
  kind.fields = {
      field<WrittenWorkload>("serve", &WrittenWorkload::serve, located(choice_type({"http", "tcp", "udp"})),
                             "The built-in server, which tells who it is and whom it sees.", "http"),
      field<WrittenWorkload>("port", &WrittenWorkload::port, optional(port_type()), "The port that it serves.", "8080"),
      field<WrittenWorkload>("run", &WrittenWorkload::run, command_type(),
                             "Any program of the host: a command line for sh, or a list of words.",
                             "[nginx, -g, daemon off;]"),
      workload_field("env", &Workload::environment, words_type("a mapping of variables"), "Environment variables.",
                     "{LANG: C}"),
      workload_field("after", &Workload::after,
                     list_of(located(word_type("a workload of this node")), "workloads of this node", Single::accepted),
                     "Workloads of this node that must be ready before it starts.", "[database]"),
      workload_field("ready", &Workload::ready, optional(ready_type()), "When it counts as ready.", "{tcp: 8080}"),
      workload_field("restart", &Workload::restart, restart_type(), "Whether it is started again when it ends.",
                     "on-failure")};
  return kind;
}

bool decode_workload(const std::shared_ptr<const ObjectKind<WrittenWorkload>>& kind, const yaml::Node& node,
                     Workload& workload, Faults& faults) {
  WrittenWorkload written;
  if (!decode_object(*kind, node, written, faults)) return false;
  workload = std::move(written.workload);
  workload.at = node.at;
  bool serves = !written.serve.value.empty(), runs = !written.run.empty();
  if (serves == runs) {
    faults.add(node.at, "a workload has either \"serve\" (the built-in server) or \"run\" (a command)");
    return false;
  }
  if (runs && written.port) {
    faults.add(node.at, "\"port\" belongs to \"serve\"; for \"run\" say when it is ready: ready: {tcp: PORT}");
    return false;
  }
  if (runs) workload.what = Run{std::move(written.run)};
  if (serves) workload.what = Serve{written.serve.value, written.port.value_or(8080)};
  return true;
}

Type<Workload> workload_type() {
  auto kind = std::make_shared<const ObjectKind<WrittenWorkload>>(workload_kind());
  return {[kind](const yaml::Node& node, Workload& workload, Faults& faults) {
            return decode_workload(kind, node, workload, faults);
          },
          [kind](SchemaBuilder& builder) { return object_schema(*kind, builder); }, "a workload"};
}

// ---- the node

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
