#include "labctl/topology/tables.h"
#include "labctl/topology/values.h"

namespace topology {
namespace {

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

}  // namespace

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

}  // namespace topology
