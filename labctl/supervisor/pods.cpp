#include "labctl/supervisor/pods.h"

#include <fmt/format.h>
#include <signal.h>

#include "lib/base/error.h"
#include "lib/netlink/link.h"
#include "lib/netlink/links/bridge.h"
#include "lib/netlink/links/veth.h"
#include "lib/netlink/network_namespace.h"
#include "lib/netlink/route.h"

namespace supervisor {
namespace {

std::string text(const boost::json::object& object, const char* key, const std::string& otherwise = {}) {
  const boost::json::value* value = object.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->as_string()) : otherwise;
}

bool flag(const boost::json::object& object, const char* key) {
  const boost::json::value* value = object.if_contains(key);
  return value != nullptr && value->is_bool() && value->as_bool();
}

std::optional<std::uint32_t> mtu_of(const boost::json::object& request) {
  const boost::json::value* value = request.if_contains("mtu");
  if (value == nullptr || !value->is_int64() || value->as_int64() <= 0) return std::nullopt;
  return static_cast<std::uint32_t>(value->as_int64());
}

netlink::Prefix prefix(const boost::json::object& request, const char* key) {
  std::optional<netlink::Prefix> parsed = netlink::Prefix::parse(text(request, key));
  if (!parsed) throw base::Error(fmt::format("\"{}\" is not an address with its length (10.244.1.5/24)", key));
  return *parsed;
}

std::vector<std::string> words(const boost::json::object& object, const char* key) {
  std::vector<std::string> all;
  const boost::json::value* value = object.if_contains(key);
  if (value == nullptr || !value->is_array()) return all;
  for (const auto& word : value->as_array()) {
    if (word.is_string()) all.emplace_back(word.as_string());
  }
  return all;
}

// hosts(5): an address and its names, as lines of it have them.
std::vector<std::pair<std::string, std::string>> aliases(const boost::json::object& request) {
  std::vector<std::pair<std::string, std::string>> all;
  const boost::json::value* hosts = request.if_contains("hosts");
  if (hosts == nullptr || !hosts->is_object()) return all;
  for (const auto& host : hosts->as_object()) {
    if (!netlink::IpAddress::parse(host.key()))
      throw base::Error("\"hosts\": \"" + std::string(host.key()) + "\" is no address");
    std::string its_names;
    for (const std::string& name : words(hosts->as_object(), std::string(host.key()).c_str())) its_names += " " + name;
    if (!its_names.empty()) all.emplace_back(host.key(), its_names.substr(1));
  }
  return all;
}

// resolv.conf(5)
std::string resolv_conf(const boost::json::object& request) {
  const boost::json::value* dns = request.if_contains("dns");
  if (dns == nullptr || !dns->is_object()) return {};
  std::string contents;
  for (const std::string& server : words(dns->as_object(), "nameservers")) contents += "nameserver " + server + "\n";
  std::string search;
  for (const std::string& domain : words(dns->as_object(), "searches")) search += " " + domain;
  if (!search.empty()) contents += "search" + search + "\n";
  std::string options;
  for (const std::string& option : words(dns->as_object(), "options")) options += " " + option;
  if (!options.empty()) contents += "options" + options + "\n";
  return contents;
}

// From its IPv4 address, as CNI's hwaddr does (0a:58 and the address): what others remember of who had the address
// before stays true.
netlink::MacAddress pod_mac(const netlink::IpAddress& address, const std::string& pod) {
  if (address.is_v6()) return netlink::MacAddress::derived_from(pod);
  const std::uint8_t* bytes = address.bytes();
  return netlink::MacAddress({0x0a, 0x58, bytes[0], bytes[1], bytes[2], bytes[3]});
}

}  // namespace

// The bridge plugin of CNI names the host's end veth and eight hexadecimal digits.
std::string Pods::host_end(const std::string& pod) {
  return fmt::format("veth{:08x}", netlink::stable_hash(pod) & 0xffffffff);
}

Pods::Pods(boost::asio::io_context& loop, Reaper& reaper, Events& events, Nodes& nodes, Names names)
    : loop_(loop), reaper_(reaper), events_(events), nodes_(nodes), names_(std::move(names)) {}

Pod& Pods::create(const std::string& host, const std::string& name, const boost::json::object& request) {
  if (Pod* existing = find(name)) {
    if (existing->uid == text(request, "uid")) return *existing;
    remove(name);
  }
  auto pod = std::make_unique<Pod>();
  pod->name = name;
  pod->uid = text(request, "uid");
  pod->host = host;
  pod->request = request;
  pod->host_network = flag(request, "hostNetwork");
  base::in_context("pod " + name, [&] {
    if (pod->host_network) {
      pod->node = nodes_.at(host);
    } else {
      try {
        connect(*pod, request);
      } catch (const base::Error&) {
        disconnect(host, name);
        throw;
      }
    }
  });
  events_.add(host, "pod", fmt::format("{} created{}", name, pod->address.empty() ? "" : " at " + pod->address));
  if (!pod->host_network) nodes_[name] = pod->node;
  return *(pods_[name] = std::move(pod));
}

void Pods::ensure_bridge(Node& host, const boost::json::object& request) {
  std::string bridge = text(request, "bridge", "cni0");
  if (netlink::find_link(host.socket(), bridge)) return;
  netlink::NewLink link;
  link.name = bridge;
  link.mac = netlink::MacAddress::derived_from(host.name() + "/" + bridge);
  link.mtu = mtu_of(request);
  netlink::create_bridge(host.socket(), link);
  netlink::add_address(host.socket(), bridge, prefix(request, "bridgeAddress"));
  netlink::set_link_up(host.socket(), bridge);
}

void Pods::connect(Pod& pod, const boost::json::object& request) {
  Node& host = *nodes_.at(pod.host);
  netlink::Prefix address = prefix(request, "address");
  std::string host_name = text(request, "hostname", pod.name.substr(pod.name.find('/') + 1));
  Names names = names_;
  names.hosts = {{address.address.to_string(), host_name}};
  for (const auto& [alias, its_names] : aliases(request)) names.hosts.emplace_back(alias, its_names);
  names.resolv_conf = resolv_conf(request);
  pod.node = std::make_shared<Node>(reaper_, pod.name, host_name, Node::Kind::pod, names);
  pod.address = address.address.to_string();
  netlink::in_namespace(pod.node->network(), [] {
    // It announces its address as it comes up: others may still know who had it before.
    netlink::write_sysctl("net.ipv4.conf.default.arp_notify", "1");
    if (!netlink::has_sysctl("net.ipv6.conf.all.disable_ipv6")) return;
    netlink::write_sysctl("net.ipv6.conf.all.disable_ipv6", "1");
    netlink::write_sysctl("net.ipv6.conf.default.disable_ipv6", "1");
  });
  ensure_bridge(host, request);

  netlink::NewLink near, far;
  near.name = host_end(pod.name);
  near.mac = netlink::MacAddress::derived_from("host/" + pod.name);
  near.mtu = far.mtu = mtu_of(request);
  near.master = netlink::get_link(host.socket(), text(request, "bridge", "cni0")).index;
  near.up = true;
  far.name = "eth0";
  far.mac = pod_mac(address.address, pod.name);
  netlink::create_veth(host.socket(), near, far, pod.node->network());
  netlink::set_bridge_port_hairpin(host.socket(), near.name, true);

  netlink::Socket& socket = pod.node->socket();
  netlink::set_link_up(socket, "lo");
  netlink::add_address(socket, "eth0", address);
  netlink::set_link_up(socket, "eth0");
  std::optional<netlink::IpAddress> gateway = netlink::IpAddress::parse(text(request, "gateway"));
  if (gateway) netlink::add_route(socket, {netlink::Prefix{}, gateway, "eth0", std::nullopt, false, std::nullopt});
}

// The pair would go with the pod's namespace, but only after a while, and its name is that of a new pod's as well.
void Pods::disconnect(const std::string& host, const std::string& pod) {
  auto found = nodes_.find(host);
  if (found == nodes_.end() || found->second->killed()) return;
  netlink::Socket& socket = found->second->socket();
  if (netlink::find_link(socket, host_end(pod))) netlink::delete_link(socket, host_end(pod));
}

void Pods::remove(const std::string& name) {
  auto found = pods_.find(name);
  if (found == pods_.end()) return;
  Pod& pod = *found->second;
  if (pod.host_network) {
    for (auto& [id, container] : pod.containers) {
      signal(container, SIGKILL);
    }
  } else {
    pod.node->kill();
    nodes_.erase(name);
    disconnect(pod.host, name);
  }
  events_.add(pod.host, "pod", name + " removed");
  pods_.erase(found);
}

Pod* Pods::find(const std::string& name) const {
  auto found = pods_.find(name);
  return found == pods_.end() ? nullptr : found->second.get();
}

std::vector<Pod*> Pods::of_host(const std::string& host) {
  std::vector<Pod*> all;
  for (auto& [name, pod] : pods_) {
    if (pod->host == host) all.push_back(pod.get());
  }
  return all;
}

Container& Pods::start_container(Pod& pod, const boost::json::object& request) {
  Container container;
  container.id = fmt::format("c{}", next_container_++);
  container.name = text(request, "name", container.id);
  container.log = std::make_shared<OutputLog>();
  base::Pipe output = base::make_pipe();
  base::Program program;
  program.arguments = words(request, "argv");
  if (program.arguments.empty()) throw base::Error("\"argv\" is empty");
  program.working_directory = text(request, "cwd", "/");
  if (const boost::json::value* variables = request.if_contains("env");
      variables != nullptr && variables->is_object()) {
    for (const auto& variable : variables->as_object()) {
      if (variable.value().is_string()) {
        program.environment[std::string(variable.key())] = std::string(variable.value().as_string());
      }
    }
  }
  program.output = program.error = output.write_end.get();
  container.pid = pod.node->start(program);
  container.running = true;
  container.log->read_from(loop_, std::move(output.read_end));
  container.log->follow([log = pod.log](std::string_view text) { log->append(text); });
  reaper_.watch(container.pid,
                [this, name = pod.name, id = container.id](int status) { container_exited(name, id, status); });
  events_.add(pod.host, "container",
              fmt::format("{} of pod {} started (PID {})", container.name, pod.name, container.pid));
  return pod.containers[container.id] = std::move(container);
}

void Pods::container_exited(const std::string& name, const std::string& id, int wait_status) {
  Pod* pod = find(name);
  if (pod == nullptr) return;
  auto found = pod->containers.find(id);
  if (found == pod->containers.end()) return;
  found->second.running = false;
  found->second.exit_code = base::exit_code_of(wait_status);
  events_.add(pod->host, "container",
              fmt::format("{} of pod {} exited (exit code {})", found->second.name, name, found->second.exit_code));
  auto followers = followers_;
  for (auto& [number, follower] : followers) follower(*pod, found->second);
}

void Pods::signal(const Container& container, int signal) {
  if (container.running) ::kill(-container.pid, signal);
}

boost::json::object Pods::to_json(const Container& container) {
  boost::json::object json{
      {"id", container.id}, {"name", container.name}, {"pid", container.pid}, {"running", container.running}};
  if (!container.running) json["exit"] = container.exit_code;
  return json;
}

boost::json::object Pods::to_json(const Pod& pod) {
  boost::json::array containers;
  for (const auto& [id, container] : pod.containers) containers.push_back(to_json(container));
  return {{"name", pod.name},
          {"uid", pod.uid},
          {"host", pod.host},
          {"address", pod.address},
          {"hostNetwork", pod.host_network},
          {"state", pod.node->killed() ? "killed" : "running"},
          {"containers", std::move(containers)}};
}

std::uint64_t Pods::follow_exits(ExitFollower follower) {
  followers_[next_follower_] = std::move(follower);
  return next_follower_++;
}

void Pods::host_gone(const std::string& host) {
  std::vector<std::string> names;
  for (Pod* pod : of_host(host)) names.push_back(pod->name);
  for (const std::string& name : names) remove(name);
}

}  // namespace supervisor
