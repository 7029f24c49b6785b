#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <set>

#include "labctl/topology/checks/checks.h"
#include "labctl/topology/checks/state_words.h"
#include "labctl/topology/injection.h"
#include "labctl/topology/values.h"

namespace topology {
namespace {

constexpr const char* cluster_mend =
    "add one (cluster: {controlPlane: …, workers: […], network: …}) or remove the step";

// What is referred to is known when the lab runs.
bool has_reference(const std::string& text) {
  return text.find("${") != std::string::npos;
}

// The pods that the topology names itself; those of Deployments have names that only the running cluster knows.
std::vector<std::string> named_pods(const Topology& topology) {
  std::vector<std::string> names;
  for (const Manifest& manifest : topology.manifests) {
    if (manifest.json.empty()) continue;
    boost::json::value object = boost::json::parse(manifest.json);
    const boost::json::value* name = object.as_object().at("metadata").as_object().if_contains("name");
    if (object.as_object().at("kind") == "Pod" && name != nullptr && name->is_string()) {
      names.emplace_back(name->as_string());
    }
  }
  return names;
}

class Checker {
 public:
  Checker(const Topology& topology, Faults& faults)
      : topology_(topology), faults_(faults), nodes_(names_of(topology.nodes)), places_(nodes_) {
    for (std::string& pod : named_pods(topology)) places_.push_back(std::move(pod));
    for (const Node& node : topology.nodes) {
      for (const Workload& workload : node.workloads) processes_.push_back(workload.name + "@" + node.name);
      if (!topology.cluster) continue;
      for (const std::string& agent : agents_on(*topology.cluster, node.name)) {
        processes_.push_back(agent + "@" + node.name);
      }
    }
    // Expected to be there or not: what a later step makes may be expected not to be there yet.
    makes_links_ = std::any_of(topology.scenario.begin(), topology.scenario.end(), [](const Step& step) {
      const auto* command = std::get_if<Do>(&step.action);
      return command != nullptr &&
             (command->command.find("link") != std::string::npos || command->command.find(" tun") != std::string::npos);
    });
  }

  void check(const Step& step) {
    std::visit([&](const auto& action) { check(step, action); }, step.action);
  }

 private:
  // ---- places and processes

  // A node or a pod; pods are named by reference, as NAMESPACE/NAME, or by a manifest.
  void check_place(const Located<std::string>& place) {
    if (std::find(places_.begin(), places_.end(), place.value) != places_.end()) return;
    bool pod = has_reference(place.value) || place.value.find('/') != std::string::npos;
    if (pod && topology_.cluster) return;
    if (pod) {
      faults_.add(place.at, fmt::format("\"{}\" is a pod, and pods need a cluster, {}", place.value, cluster_mend));
    } else {
      faults_.add(place.at, fmt::format("no node \"{}\"{}", place.value, suggestion(place.value, places_)));
    }
  }

  void check_node(const Located<std::string>& name) {
    if (topology_.find_node(name.value) != nullptr || has_reference(name.value)) return;
    faults_.add(name.at, fmt::format("no node \"{}\"{}", name.value, suggestion(name.value, nodes_)));
  }

  void check_process(const Located<std::string>& process) {
    if (std::find(processes_.begin(), processes_.end(), process.value) != processes_.end()) return;
    faults_.add(process.at, fmt::format("no process \"{}\"{}", process.value, suggestion(process.value, processes_)));
  }

  // ---- expectations

  void check(const Step& step, const Expect& expect) {
    std::visit([&](const auto& what) { check_expectation(step, what); }, expect.what);
  }

  void check_expectation(const Step& step, const Reach& reach) {
    check_place(reach.from);
    for (const Located<std::string>& node : reach.answered_on) check_node(node);
    if (!has_reference(reach.target)) check_target(step, reach);
    check_answer(step, reach);
    if (reach.sees && !has_reference(*reach.sees) && !IpAddress::parse(*reach.sees)) {
      faults_.add(step.at, fmt::format("\"sees\" is the address of the client, \"{}\" is none", *reach.sees));
    }
  }

  void check_target(const Step& step, const Reach& reach) {
    if (reach.protocol == "http") {
      if (reach.target.rfind("http://", 0) == 0 && reach.target.size() > 7) return;
      faults_.add(step.at, fmt::format("\"{}\" is not a URL, write http://HOST:PORT/PATH", reach.target));
    } else if (reach.protocol != "ping") {
      size_t colon = reach.target.rfind(':');
      std::optional<std::uint64_t> port;
      if (colon != std::string::npos && colon > 0) port = parse_unsigned(reach.target.substr(colon + 1));
      if (port && *port >= 1 && *port <= 65535) return;
      faults_.add(step.at, fmt::format("\"{}\" has no port, write HOST:PORT", reach.target));
    }
  }

  // What cannot be seen in an answer of this protocol, or of none.
  void check_answer(const Step& step, const Reach& reach) {
    const std::pair<const char*, bool> asked[] = {
        {"status", reach.status.has_value()},       {"body", reach.body.has_value()},
        {"answeredBy", !reach.answered_by.empty()}, {"answeredOn", !reach.answered_on.empty()},
        {"answers", !reach.answers.empty()},        {"sees", reach.sees.has_value()}};
    check_counts(step, reach);
    check_failure(step, reach.fails, false);
    for (const auto& [key, is_asked] : asked) {
      if (!is_asked) continue;
      if (reach.fails != Failure::none) {
        faults_.add(step.at,
                    fmt::format("\"{}\" is of an answer, and \"fails\" says that there is none, remove either", key));
      } else if (reach.protocol == "ping") {
        faults_.add(step.at, fmt::format("\"{}\" is of a server's answer, ping has none: use http, tcp or udp", key));
      } else if (key == std::string("status") && reach.protocol != "http") {
        faults_.add(step.at, fmt::format("\"status\" is of HTTP, remove it or use http instead of {}", reach.protocol));
      }
    }
  }

  void check_counts(const Step& step, const Reach& reach) {
    if (reach.answers.empty()) return;
    std::uint64_t least = 0, most = 0;
    for (const auto& [server, count] : reach.answers) least += count.least, most += count.most;
    if (reach.requests >= least && reach.requests <= most) return;
    std::string all = least == most ? fmt::format("{}", least) : fmt::format("{} to {}", least, most);
    faults_.add(step.at,
                fmt::format("\"answers\" are {} in all, and \"requests\" {}: make them agree", all, reach.requests));
  }

  // DNS has failures of its own, and of those of connections only some.
  void check_failure(const Step& step, Failure failure, bool dns) {
    bool of_dns = failure == Failure::nxdomain || failure == Failure::nodata || failure == Failure::servfail;
    bool of_connections = failure == Failure::reset || failure == Failure::unreachable;
    if (of_dns && !dns) faults_.add(step.at, "\"fails\": nxdomain, nodata and servfail are of dns");
    if (of_connections && dns) {
      faults_.add(step.at, "\"fails\": a name server's failure is nxdomain, nodata, servfail, refused, timeout or any");
    }
  }

  void check_expectation(const Step& step, const DnsAnswer& answer) {
    check_place(answer.from);
    check_failure(step, answer.fails, true);
    bool asks_records = answer.records || !answer.contains.empty();
    if (asks_records && answer.fails != Failure::none) {
      faults_.add(step.at, "records are of an answer, and \"fails\" says that there is none, remove either");
    }
    if (!answer.server || has_reference(*answer.server)) return;
    if (IpAddress::parse(*answer.server) || parse_endpoint(*answer.server)) return;
    faults_.add(step.at,
                fmt::format("\"{}\" is not a name server, write its address, or address:port", *answer.server));
  }

  void check_expectation(const Step& step, const ProcessStatus& status) {
    check_process(status.process);
    if (!status.state && !status.restarts) {
      faults_.add(step.at, "\"process\" says which, add what is expected of it: state or restarts");
    }
  }

  void check_expectation(const Step& step, const ConntrackEntry& entry) {
    check_place(entry.on);
    if (entry.count && entry.at_least) faults_.add(step.at, "either \"count\" (exactly) or \"atLeast\", not both");
    refuse(step, refuse_connection_words(entry.fields));
  }

  void check_expectation(const Step& step, const RouteEntry& route) {
    check_place(route.on);
    refuse(step, refuse_route_words(route.words));
  }

  void check_expectation(const Step& step, const IpvsTable& table) {
    check_place(table.on);
    size_t scheme = table.service.find("://");
    std::string protocol = table.service.substr(0, scheme);
    bool good = (protocol == "tcp" || protocol == "udp") && parse_endpoint(table.service.substr(scheme + 3));
    if (good || has_reference(table.service)) return;
    faults_.add(step.at, fmt::format("\"{}\" is not a virtual service, write tcp://10.10.0.1:8410", table.service));
  }

  void check_expectation(const Step& step, const RuleCounter& rule) {
    check_place(rule.on);
    if (rule.packets && rule.at_least) {
      faults_.add(step.at, "either \"packets\" (exactly) or \"atLeast\", not both");
    }
  }

  void check_expectation(const Step& step, const CapturedPackets& packets) {
    check_place(packets.on);
    if (packets.packets && packets.at_least) {
      faults_.add(step.at, "either \"packets\" (exactly) or \"atLeast\", not both");
    }
    auto covers = [&](const Capture& capture) {
      return capture.on.value == packets.on.value &&
             (!packets.link || !capture.link || capture.link->value == packets.link->value);
    };
    if (std::any_of(captures_.begin(), captures_.end(), covers)) return;
    std::string where = packets.on.value + (packets.link ? ":" + packets.link->value : "");
    faults_.add(packets.filter.at, fmt::format("nothing is captured on {0} before this step, add one before it: "
                                               "capture: {0}",
                                               where));
  }

  void check_expectation(const Step& step, const NeighbourEntry& neighbour) {
    check_place(neighbour.on);
    check_address(step, "neighbour", neighbour.address);
    if (neighbour.mac) check_mac(step, *neighbour.mac);
    if (neighbour.link) check_link(neighbour.on.value, {*neighbour.link, step.at});
  }
  void check_expectation(const Step& step, const ForwardingEntry& entry) {
    check_place(entry.on);
    if (entry.destination) check_address(step, "dst", *entry.destination);
    if (entry.link) check_link(entry.on.value, {*entry.link, step.at});
  }
  void check_expectation(const Step& step, const LinkState& link) {
    check_place(link.on);
    check_link(link.on.value, {link.link, step.at});
    if (link.master) check_link(link.on.value, {*link.master, step.at});
    if (link.kind) refuse(step, refuse_link_kind(*link.kind));
    if (link.mac) check_mac(step, *link.mac);
  }

  // WHY is empty where nothing is wrong.
  void refuse(const Step& step, const std::string& why) {
    if (!why.empty()) faults_.add(step.at, why);
  }

  void check_address(const Step& step, const char* key, const std::string& text) {
    if (has_reference(text) || IpAddress::parse(text)) return;
    faults_.add(step.at, fmt::format("\"{}\" is an address, \"{}\" is none", key, text));
  }
  void check_mac(const Step& step, const std::string& text) {
    if (netlink::MacAddress::parse(text)) return;
    faults_.add(step.at, fmt::format("\"{}\" is no MAC address, write it like 02:00:00:00:00:01", text));
  }

  template <class State>
  void check_expectation(const Step&, const State& state) {
    check_place(state.on);
  }

  // ---- other steps

  void check(const Step&, const Do& command) { check_place(command.on); }

  void check(const Step& step, const Kubectl&) {
    if (!topology_.cluster) faults_.add(step.at, fmt::format("kubectl needs a cluster, {}", cluster_mend));
  }

  void check(const Step& step, const Apply&) {
    if (!topology_.cluster) faults_.add(step.at, fmt::format("apply needs a cluster, {}", cluster_mend));
  }

  void check(const Step&, const Capture& capture) {
    check_place(capture.on);
    if (capture.link && capture.link->value != "any") check_link(capture.on.value, *capture.link);
    captures_.push_back(capture);
  }

  void check_link(const std::string& node_name, const Located<std::string>& link) {
    const Node* node = topology_.find_node(node_name);
    if (node == nullptr || may_get_links(*node)) return;
    // Every namespace has these once their module is loaded (ip_tunnel_init_net() in net/ipv4, and others).
    static const std::set<std::string> of_the_kernel{"lo",   "tunl0",   "gre0",    "gretap0", "erspan0",
                                                     "sit0", "ip6tnl0", "ip6gre0", "ip_vti0", "ip6_vti0"};
    std::vector<std::string> names = names_of(node->links);
    if (of_the_kernel.count(link.value) != 0 || find_link(*node, link.value) != nullptr) return;
    faults_.add(link.at,
                fmt::format("node {} has no link \"{}\"{}", node_name, link.value, suggestion(link.value, names)));
  }

  // Others than those of the topology: made by an agent, by a program, or by a command of a step.
  bool may_get_links(const Node& node) const {
    auto may_make_links = [](const Workload& it) { return !std::holds_alternative<Serve>(it.what); };
    return topology_.cluster.has_value() || makes_links_ ||
           std::any_of(node.workloads.begin(), node.workloads.end(), may_make_links);
  }

  void check(const Step& step, const Wait& wait) {
    if (wait.time.count() == 0) faults_.add(step.at, "\"wait\" for no time, write how long or remove it");
  }

  // ---- faults

  void check(const Step&, const Inject& fault) {
    std::visit([&](const auto& it) { check_fault(it); }, fault.what);
    injected_.push_back(boost::json::serialize(to_json(fault.what)));
  }

  void check(const Step& step, const Heal& heal) {
    if (!heal.what) return;
    std::string what = boost::json::serialize(to_json(*heal.what));
    if (std::find(injected_.begin(), injected_.end(), what) != injected_.end()) return;
    faults_.add(step.at,
                fmt::format("\"heal\": no step before this one has the fault {}{}", what, suggestion(what, injected_)));
  }

  void check_fault(const TargetFault& fault) {
    const Target& target = fault.target;
    switch (target.kind) {
      case Target::Kind::process:
        return check_process(target.name);
      case Target::Kind::node:
        return check_node(target.name);
      case Target::Kind::pod:
        if (!topology_.cluster) faults_.add(target.name.at, fmt::format("pods need a cluster, {}", cluster_mend));
        if (fault.what == TargetFault::What::restart) {
          faults_.add(target.name.at, "a pod is not restarted, kill it: its node starts it again");
        }
    }
  }

  // Agents make links of their own on a cluster's nodes, and a pod has them from its node.
  void check_link(const Located<std::string>& written) {
    auto [place, link] = split_link(written.value);
    if (link.empty() || place.empty()) {
      return faults_.add(written.at, fmt::format("\"{}\" is not a link, write NODE:LINK", written.value));
    }
    check_place({place, written.at});
    const Node* node = topology_.find_node(place);
    if (node == nullptr || topology_.cluster || find_link(*node, link) != nullptr) return;
    faults_.add(written.at,
                fmt::format("node {} has no link \"{}\"{}", place, link, suggestion(link, names_of(node->links))));
  }

  void check_fault(const LinkFault& fault) { check_link(fault.link); }
  void check_fault(const Impair& impair) { check_link(impair.link); }

  void check_fault(const Partition& partition) {
    std::set<std::string> seen;
    for (const auto& group : partition.groups) {
      for (const Located<std::string>& node : group) {
        check_node(node);
        if (seen.insert(node.value).second) continue;
        faults_.add(node.at, fmt::format("node {} is in two groups, or twice in one: remove one of them", node.value));
      }
    }
    for (const Located<std::string>& network : partition.networks) {
      if (topology_.find_network(network.value) != nullptr) continue;
      faults_.add(network.at, fmt::format("no network \"{}\"{}", network.value,
                                          suggestion(network.value, names_of(topology_.networks))));
    }
    if (partition.groups.size() >= 2 || partition.groups.empty()) return;
    const auto& only = partition.groups.front();
    faults_.add(only.empty() ? Location{} : only.front().at,
                "a partition has two groups of nodes at least, add another");
  }

  const Topology& topology_;
  Faults& faults_;
  std::vector<std::string> nodes_;
  std::vector<std::string> places_;  // and pods
  std::vector<std::string> processes_;
  std::vector<std::string> injected_;  // by the steps so far, as JSON
  std::vector<Capture> captures_;      // of the steps so far
  bool makes_links_ = false;           // some step does
};

}  // namespace

void check_scenario(const Topology& topology, Faults& faults) {
  Checker checker(topology, faults);
  for (const Step& step : topology.scenario) {
    checker.check(step);
    check_references(topology, step, faults);
  }
}

}  // namespace topology
