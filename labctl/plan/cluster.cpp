#include "labctl/plan/cluster.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "lib/base/error.h"

namespace plan {
namespace {

class Cluster {
 public:
  Cluster(const topology::Topology& topology, Plan& plan)
      : topology_(topology), cluster_(*topology.cluster), plan_(plan) {
    plan_.control_plane = cluster_.control_plane.value;
    plan_.api = fmt::format("http://{}:{}", address_of(plan_.control_plane).to_string(), api_port);
    plan_.endpoints.emplace_back("API server", plan_.api);
  }

  void add() {
    add_control_plane();
    if (cluster_.overlay.enabled) {
      add_overlay(plan_.control_plane);
      for (const auto& worker : cluster_.workers) {
        if (worker.value != plan_.control_plane) add_overlay(worker.value);
      }
    }
    if (cluster_.proxy.enabled) {
      add_proxy(plan_.control_plane);
      for (const auto& worker : cluster_.workers) {
        if (worker.value != plan_.control_plane) add_proxy(worker.value);
      }
    }
    std::uint64_t number = 0;
    add_nodelet(plan_.control_plane, true, number++);
    for (const auto& worker : cluster_.workers) {
      if (worker.value != plan_.control_plane) add_nodelet(worker.value, false, number++);
    }
    add_manifests();
    for (const topology::Manifest& manifest : topology_.manifests) add_endpoints(manifest);
  }

 private:
  struct Place {
    std::string link;
    IpAddress address;
  };

  // Where NODE is on the cluster's network. (Validation has seen to it that it is there, with an IPv4 address.)
  Place place_of(const std::string& node) const {
    for (const topology::Link& link : topology_.find_node(node)->links) {
      const auto* kind = std::get_if<topology::NetworkLink>(&link.kind);
      if (kind == nullptr || kind->network.value != cluster_.network.value) continue;
      for (const auto& address : link.addresses) {
        if (!address.value.address.is_v6()) return {link.name, address.value.address};
      }
    }
    throw base::Error("node " + node + " has no IPv4 address on network " + cluster_.network.value);
  }
  IpAddress address_of(const std::string& node) const { return place_of(node).address; }

  static std::string program(const std::string& name) { return std::string(libexec_folder) + "/" + name; }

  std::string server() const { return "apiserver@" + plan_.control_plane; }

  Process process(const std::string& name, const std::string& node, std::vector<std::string> arguments) const {
    Process made;
    made.name = name;
    made.node = node;
    made.arguments = std::move(arguments);
    made.environment = {
        {"API", plan_.api}, {"NODE", node}, {"NODE_NAME", node}, {"NODE_IP", address_of(node).to_string()}};
    made.after = {server()};
    made.restart = topology::Restart::always;
    return made;
  }

  void add_control_plane() {
    const std::string& node = plan_.control_plane;
    Process api = process(
        "apiserver", node,
        {program("apiserver"), "--port", std::to_string(api_port), "--advertise-address", address_of(node).to_string(),
         "--service-cluster-ip-range", cluster_.service_cidr.value.to_string(), "--service-node-port-range",
         "30000-32767", "--data", std::string(disk_folder) + "/apiserver.journal"});
    api.after.clear();
    api.ready.condition = topology::Ready::Tcp{api_port};
    plan_.processes.push_back(std::move(api));
    plan_.processes.push_back(process(
        "controller", node,
        {program("controller"), "--master=" + plan_.api, "--cluster-cidr=" + cluster_.pod_cidr.value.to_string()}));
  }

  // A program of the user's instead of ours: a command line in which $API and the like are set.
  std::vector<std::string> command(const topology::Agent& agent, std::vector<std::string> ours) const {
    if (!agent.run) return ours;
    return {"sh", "-c", "exec " + *agent.run};
  }

  void add_overlay(const std::string& node) {
    plan_.processes.push_back(
        process("overlay", node,
                command(cluster_.overlay, {program("overlay"), "--kube-api-url=" + plan_.api,
                                           "--iface=" + interface_name(place_of(node).link).name,
                                           "--network=" + cluster_.pod_cidr.value.to_string(),
                                           "--backend=" + cluster_.overlay.backend, "--ip-masq"})));
  }

  void add_proxy(const std::string& node) {
    const topology::ProxyAgent& proxy = cluster_.proxy;
    std::vector<std::string> ours{program("proxy"), "--master=" + plan_.api, "--hostname-override=" + node,
                                  "--proxy-mode=" + proxy.mode,
                                  "--cluster-cidr=" + cluster_.pod_cidr.value.to_string()};
    if (proxy.mode == "ipvs") ours.push_back("--ipvs-scheduler=" + proxy.scheduler);
    plan_.processes.push_back(process("proxy", node, command(proxy, ours)));
  }

  // A node brings its part of podCIDR along: the controller would hand them out as nodes come, each time otherwise.
  void add_nodelet(const std::string& node, bool control_plane, std::uint64_t number) {
    std::string pod_cidr = cluster_.pod_cidr.value.part(topology::node_range_length, number).to_string();
    std::vector<std::string> arguments{program("nodelet"),       "--api=" + plan_.api,
                                       "--node=" + node,         "--node-ip=" + address_of(node).to_string(),
                                       "--pod-cidr=" + pod_cidr, "--socket=/run/labctl/node.sock"};
    if (cluster_.overlay.enabled) arguments.push_back("--network-ready-file=/run/flannel/subnet.env");
    bool also_worker = std::any_of(cluster_.workers.begin(), cluster_.workers.end(),
                                   [&](const auto& worker) { return worker.value == node; });
    if (control_plane && !also_worker) arguments.push_back("--control-plane");
    plan_.processes.push_back(process("nodelet", node, std::move(arguments)));
  }

  // "nodes=3": the control plane is a node too.
  std::string nodes_condition() const {
    size_t nodes = cluster_.workers.size();
    bool also_worker = std::any_of(cluster_.workers.begin(), cluster_.workers.end(),
                                   [&](const auto& worker) { return worker.value == plan_.control_plane; });
    return fmt::format("nodes={}", also_worker ? nodes : nodes + 1);
  }

  // Applies the manifests and waits until what they ask for runs: the lab is ready when it has ended.
  void add_manifests() {
    Process apply = process("kube-apply", plan_.control_plane,
                            {program("kube-apply"), "--api", plan_.api, "--wait", nodes_condition(), "--wait",
                             "deployments", "--once", std::string(disk_folder) + "/applied"});
    apply.arguments.insert(apply.arguments.end(), {"--wait", "services"});
    // Of another proxy nobody knows how far it is.
    if (cluster_.proxy.enabled && !cluster_.proxy.run)
      apply.arguments.insert(apply.arguments.end(), {"--wait", "proxies"});
    if (!topology_.manifests.empty()) apply.arguments.push_back(manifests_file);
    apply.ready.condition = topology::Ready::Exit{};
    apply.ready.within = topology::Duration(60000);
    apply.restart = topology::Restart::never;
    plan_.processes.push_back(std::move(apply));
  }

  // The ports of nodes by which a Service can be reached from outside. A port that the API server will choose, and what
  // stands in a file of its own, nobody knows yet.
  void add_endpoints(const topology::Manifest& manifest) {
    if (manifest.json.empty()) return;
    boost::json::value object = boost::json::parse(manifest.json);
    boost::system::error_code absent;
    const boost::json::value* ports = object.find_pointer("/spec/ports", absent);
    if (object.at("kind") != "Service" || ports == nullptr || !ports->is_array()) return;
    const boost::json::value* name = object.find_pointer("/metadata/name", absent);
    for (const boost::json::value& port : ports->as_array()) {
      const boost::json::value* number = port.is_object() ? port.as_object().if_contains("nodePort") : nullptr;
      if (name == nullptr || !name->is_string() || number == nullptr || !number->is_number()) continue;
      for (const auto& worker : cluster_.workers) {
        plan_.endpoints.emplace_back(
            "Service " + std::string(name->as_string()),
            netlink::endpoint_text(address_of(worker.value), number->to_number<std::uint16_t>()));
      }
    }
  }

  const topology::Topology& topology_;
  const topology::Cluster& cluster_;
  Plan& plan_;
};

}  // namespace

void add_cluster(const topology::Topology& topology, Plan& plan) {
  Cluster(topology, plan).add();
}

}  // namespace plan
