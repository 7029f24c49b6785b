#include <fmt/format.h>
#include <sys/socket.h>

#include <boost/json.hpp>

#include "labctl/plan/describe.h"
#include "labctl/plan/plan.h"

namespace plan {
namespace {

namespace json = boost::json;

json::array strings(const std::vector<std::string>& words) {
  return json::array(words.begin(), words.end());
}

// The fields of an operation beside its node. What is not set is left out.
struct Fields {
  json::object object;

  void operator()(const CreateNode& it) { named("create-node").object["ipv6"] = it.ipv6; }
  void operator()(const CreateBridge& it) {
    link("create-bridge", it.name, it.mac, it.mtu);
    json::array ports;
    for (const BridgePort& port : it.ports) ports.push_back(port_json(port));
    if (!ports.empty()) object["ports"] = std::move(ports);
    if (!it.vlan_filtering) return;
    object["vlanFiltering"] = true;
    put_vlans(object, it.vlans);
  }
  void operator()(const CreateCable& it) {
    link("create-cable", it.name, it.mac, it.mtu);
    object["bridge"] = it.bridge.name;
    object["switchEnd"] = it.switch_end.name;
    object["switchMac"] = it.switch_mac.to_string();
  }
  void operator()(const CreateWire& it) {
    link("create-wire", it.name, it.mac, it.mtu);
    object["network"] = it.network;
    json::object peer{{"node", it.peer_node}, {"name", it.peer_name.name}, {"mac", it.peer_mac.to_string()}};
    if (!it.peer_name.alternative.empty()) peer["alternativeName"] = it.peer_name.alternative;
    if (it.peer_mtu) peer["mtu"] = *it.peer_mtu;
    object["peer"] = std::move(peer);
  }
  void operator()(const CreateDummy& it) { link("create-dummy", it.name, it.mac, it.mtu); }
  void operator()(const CreateVxlan& it) {
    link("create-vxlan", it.name, it.mac, it.mtu);
    object["vni"] = it.vni;
    if (it.port != 0) object["port"] = it.port;
    if (it.local) object["local"] = it.local->to_string();
    if (!it.device.empty()) object["device"] = it.device;
    object["learning"] = it.learning;
  }
  void operator()(const CreateMacvlan& it) {
    link("create-macvlan", it.name, it.mac, it.mtu);
    object["device"] = it.device;
    object["mode"] = it.mode;
  }
  void operator()(const CreateVlan& it) {
    link("create-vlan", it.name, it.mac, it.mtu);
    object["device"] = it.device;
    object["vlan"] = it.id;
  }
  void operator()(const CreateTunnel& it) {
    link("create-tunnel", it.name, std::nullopt, it.mtu);
    object["kind"] = it.kind;
    if (it.local) object["local"] = it.local->to_string();
    if (it.remote) object["remote"] = it.remote->to_string();
    if (!it.device.empty()) object["device"] = it.device;
    if (it.ttl != 0) object["ttl"] = it.ttl;
    if (it.key) object["key"] = *it.key;
  }
  void operator()(const CreateTun& it) {
    link("create-tun", it.name, it.mac, it.mtu);
    object["mode"] = it.mac ? "tap" : "tun";
  }
  void operator()(const SetImpairment& it) {
    named("set-impairment").object["link"] = it.link;
    object["impairment"] = netlink::impairment_words(it.impairment);
  }
  void operator()(const AddAddress& it) {
    named("add-address").object["link"] = it.link;
    object["address"] = it.address.to_string();
  }
  void operator()(const SetUp& it) { named("set-up").object["link"] = it.link; }
  void operator()(const AddRoute& it) { named("add-route").object["route"] = route_words(it); }
  void operator()(const AddRule& it) {
    named("add-rule").object["rule"] = netlink::rule_words(it.rule);
    object["family"] = it.rule.family == AF_INET6 ? "ipv6" : "ipv4";
  }
  void operator()(const SetSysctl& it) {
    named("set-sysctl").object["name"] = it.name;
    object["value"] = it.value;
  }
  void operator()(const AddIpvsService& it) {
    const topology::IpvsService& service = it.service;
    named("add-ipvs-service").object["service"] =
        service.protocol + "://" + netlink::endpoint_text(service.address, service.port);
    object["scheduler"] = service.scheduler;
    object["forward"] = forwarding_word(service.forward);
    if (service.persistent) object["persistentSeconds"] = service.persistent->count() / 1000;
    json::array servers;
    for (const topology::IpvsServer& server : service.servers) {
      servers.push_back({{"server", netlink::endpoint_text(server.address, server.port)}, {"weight", server.weight}});
    }
    object["servers"] = std::move(servers);
  }

  void operator()(const LoadRuleset& it) {
    named("load-ruleset").object["kind"] = it.kind;
    object["text"] = it.text;
  }

 private:
  static void put_vlans(json::object& port, const PortVlans& vlans) {
    if (vlans.untagged) port["vlan"] = *vlans.untagged;
    if (!vlans.tagged.empty()) port["tagged"] = json::array(vlans.tagged.begin(), vlans.tagged.end());
  }
  // Its name, or an object where there is more to say.
  static json::value port_json(const BridgePort& port) {
    if (port.vlans.empty()) return json::string(port.name.name);
    json::object described{{"link", port.name.name}};
    put_vlans(described, port.vlans);
    return described;
  }
  Fields& named(const char* kind) {
    object["operation"] = kind;
    return *this;
  }
  void link(const char* kind, const InterfaceName& name, const std::optional<MacAddress>& mac,
            const std::optional<std::uint32_t>& mtu) {
    named(kind).object["name"] = name.name;
    if (!name.alternative.empty()) object["alternativeName"] = name.alternative;
    if (mac) object["mac"] = mac->to_string();
    if (mtu) object["mtu"] = *mtu;
  }
};

// "tcp 80 within 20 s"; "" where it is ready as soon as it runs.
struct ReadyText {
  std::string operator()(const std::monostate&) const { return ""; }
  std::string operator()(const topology::Ready::Tcp& it) const { return fmt::format("tcp {}", it.port); }
  std::string operator()(const topology::Ready::Http& it) const { return fmt::format("http {}{}", it.port, it.path); }
  std::string operator()(const topology::Ready::Log& it) const { return "log " + it.pattern; }
  std::string operator()(const topology::Ready::File& it) const { return "file " + it.path; }
  std::string operator()(const topology::Ready::Exit&) const { return "exit"; }
};

std::string ready_text(const topology::Ready& ready) {
  std::string text = std::visit(ReadyText{}, ready.condition);
  return fmt::format("{}{}within {} ms", text, text.empty() ? "" : " ", ready.within.count());
}

const char* restart_word(topology::Restart restart) {
  switch (restart) {
    case topology::Restart::never:
      return "never";
    case topology::Restart::on_failure:
      return "on-failure";
    case topology::Restart::always:
      return "always";
  }
  return "";
}

json::array files_json(const std::vector<topology::File>& files) {
  json::array all;
  for (const topology::File& file : files) {
    all.push_back({{"path", file.path}, {"mode", fmt::format("{:04o}", file.mode)}, {"text", file.text}});
  }
  return all;
}

// null: unlimited.
json::object limits_json(const std::vector<topology::Limit>& limits) {
  json::object all;
  for (const topology::Limit& limit : limits) all[limit.name] = json::value_from(limit.value);
  return all;
}

}  // namespace

json::object operation_json(const Operation& operation) {
  Fields fields;
  // The switch has no name: it is the lab's own namespace.
  if (!node_of(operation).empty()) fields.object["node"] = node_of(operation);
  std::visit(fields, operation);
  return std::move(fields.object);
}

json::object process_json(const Process& process) {
  json::object environment;
  for (const auto& [name, value] : process.environment) environment[name] = value;
  json::object object{{"name", process.full_name()},
                      {"node", process.node},
                      {"arguments", strings(process.arguments)},
                      {"environment", std::move(environment)},
                      {"after", strings(process.after)},
                      {"ready", ready_text(process.ready)},
                      {"restart", restart_word(process.restart)}};
  if (!process.user.empty()) object["user"] = process.user;
  if (process.working_directory != "/") object["workingDirectory"] = process.working_directory;
  if (!process.files.empty()) object["files"] = files_json(process.files);
  if (!process.limits.empty()) object["limits"] = limits_json(process.limits);
  return object;
}

std::string to_json(const Plan& plan) {
  json::array operations, processes, needs;
  for (const Operation& operation : plan.operations) operations.push_back(operation_json(operation));
  for (const Process& process : plan.processes) processes.push_back(process_json(process));
  for (const Need& need : plan.needs) needs.push_back({{"need", need.need}, {"askedBy", strings(need.asked_by)}});
  return json::serialize(
      json::object{{"lab", plan.lab}, {"needs", needs}, {"operations", operations}, {"processes", processes}});
}

}  // namespace plan
