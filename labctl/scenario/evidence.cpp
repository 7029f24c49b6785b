#include "labctl/scenario/evidence.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "labctl/scenario/inspecting.h"
#include "labctl/scenario/resolver.h"
#include "labctl/scenario/texts.h"
#include "labctl/topology/daemons/kind.h"
#include "lib/base/error.h"

namespace scenario {
namespace {

constexpr size_t lines_of_a_log = 10;
constexpr size_t lines_of_a_table = 30;

class Collector {
 public:
  Collector(LabAccess& access, const topology::Topology& topology)
      : access_(access), topology_(topology), resolver_(access, topology) {}

  std::vector<Evidence> take() { return std::move(evidence_); }

  void collect(const topology::Step& step) {
    if (const auto* expect = std::get_if<topology::Expect>(&step.action)) {
      std::visit([&](const auto& it) { collect(it); }, expect->what);
    }
    attempt([&] {
      std::string on;
      for (const boost::json::value& fault : access_.faults()) on += kube::text_at(fault.as_object(), "what") + "\n";
      add("faults that are on", last_lines(on, lines_of_a_table));
    });
    attempt([&] {
      for (Evidence& it : troubled_processes(access_)) evidence_.push_back(std::move(it));
    });
  }

 private:
  void attempt(const std::function<void()>& function) {
    try {
      function();
    } catch (const std::exception&) {
    }
  }

  void add(const std::string& title, const std::string& text) {
    if (!text.empty()) evidence_.push_back({title, text});
  }

  void collect(const topology::Reach& reach) {
    attempt([&] {
      std::string source = resolver_.place(reach.from.value);
      command("routes of " + source, source, "ip route get " + host_of(resolver_.text(reach.target)) + "; ip route");
      command("neighbours of " + source, source, "ip neighbour");
    });
    for (const std::string& director : directors()) {
      attempt([&] { add("IPVS of " + director, kube::text_at(inspect(access_, director, {"ipvs"}), "text")); });
      attempt([&] { connections(director); });
    }
  }
  void collect(const topology::DnsAnswer& answer) {
    attempt([&] {
      std::string source = resolver_.place(answer.from.value);
      command("resolv.conf of " + source, source, "cat /etc/resolv.conf");
      command("routes of " + source, source, "ip route");
    });
  }
  void collect(const topology::ProcessStatus& status) {
    attempt([&] {
      add("what " + status.process.value + " wrote last",
          last_lines(access_.process_log(status.process.value), lines_of_a_log));
    });
  }
  void collect(const topology::CommandOutcome&) {}
  void collect(const topology::ConntrackEntry&) {}
  // What is there is said already.
  void collect(const topology::CapturedPackets&) {}
  void collect(const topology::RouteEntry& route) { command_on(route.on, "policy rules", "ip rule"); }
  void collect(const topology::NeighbourEntry& neighbour) { command_on(neighbour.on, "routes", "ip route"); }
  void collect(const topology::ForwardingEntry& entry) { command_on(entry.on, "links", "ip -d link"); }
  void collect(const topology::LinkState& link) { command_on(link.on, "links", "ip -d -s link"); }
  void collect(const topology::IpvsTable& table) { proxy_of(table.on.value); }
  void collect(const topology::IpsetMembers& set) { proxy_of(set.on.value); }
  void collect(const topology::RuleCounter& rule) { proxy_of(rule.on.value); }

  // "http://[fd00::1]:80/x" → "fd00::1"
  static std::string host_of(std::string target) {
    size_t scheme = target.find("://");
    if (scheme != std::string::npos) target.erase(0, scheme + 3);
    target.resize(std::min(target.find('/'), target.size()));
    if (target.starts_with('[')) return target.substr(1, target.find(']') - 1);
    bool has_port = std::count(target.begin(), target.end(), ':') == 1;
    return has_port ? target.substr(0, target.find(':')) : target;
  }

  static bool runs_keepalived(const topology::Node& node) {
    return std::any_of(node.workloads.begin(), node.workloads.end(), [](const topology::Workload& it) {
      const auto* daemon = std::get_if<topology::Daemon>(&it.what);
      return daemon != nullptr && daemon->kind->name == std::string("keepalived");
    });
  }

  // Machines that balance: those with virtual services in the topology or by keepalived, and a cluster's workers, of
  // which the first stands for all.
  std::vector<std::string> directors() const {
    std::vector<std::string> names;
    for (const topology::Node& node : topology_.nodes) {
      if (!node.ipvs.empty() || runs_keepalived(node)) names.push_back(node.name);
    }
    if (topology_.cluster && !topology_.cluster->workers.empty())
      names.push_back(topology_.cluster->workers.front().value);
    return names;
  }

  void command(const std::string& title, const std::string& place, const std::string& words) {
    lab::Command command;
    command.node = place;
    command.arguments = {"sh", "-c", words + " 2>&1"};
    command.timeout = std::chrono::seconds(10);
    add(title, last_lines(access_.run(command).output, lines_of_a_table));
  }

  void command_on(const topology::Located<std::string>& on, const std::string& what, const std::string& words) {
    attempt([&] {
      std::string place = resolver_.place(on.value);
      command(what + " of " + place, place, words);
    });
  }

  void connections(const std::string& node) {
    std::string text;
    boost::json::object table = inspect(access_, node, {"conntrack"});
    for (const boost::json::value& entry : kube::array_at(table, "entries")) {
      text += kube::text_at(entry.as_object(), "line") + "\n";
    }
    add("connections that " + node + " tracks", last_lines(text, lines_of_a_table));
  }

  void proxy_of(const std::string& node) {
    if (!topology_.cluster || topology_.find_node(node) == nullptr) return;
    attempt([&] {
      add("what proxy@" + node + " wrote last", last_lines(access_.process_log("proxy@" + node), lines_of_a_log));
    });
  }

  LabAccess& access_;
  const topology::Topology& topology_;
  Resolver resolver_;
  std::vector<Evidence> evidence_;
};

}  // namespace

std::vector<Evidence> troubled_processes(LabAccess& access) {
  std::vector<Evidence> evidence;
  for (const boost::json::value& it : access.processes()) {
    const boost::json::object& process = it.as_object();
    std::string state = kube::text_at(process, "state"), name = kube::text_at(process, "name");
    std::int64_t exit = kube::number_at(process, "exit");
    if (state == "ready" || (state == "exited" && exit == 0)) continue;
    std::string ending = process.contains("exit") ? fmt::format(", exit code {}", exit) : "";
    evidence.push_back(
        {fmt::format("{} is {}{}", name, state, ending), last_lines(access.process_log(name), lines_of_a_log)});
  }
  return evidence;
}

std::vector<Evidence> explain(LabAccess& access, const topology::Topology& topology, const topology::Step& step) {
  Collector collector(access, topology);
  collector.collect(step);
  return collector.take();
}

}  // namespace scenario
