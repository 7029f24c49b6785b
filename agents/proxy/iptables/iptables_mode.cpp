#include "agents/proxy/iptables/iptables_mode.h"

#include <optional>
#include <utility>

#include "agents/proxy/node.h"
#include "lib/base/error.h"
#include "lib/netlink/network_namespace.h"

namespace proxy::iptables {
namespace {

using netlink::IpAddress;

// As often as kube-proxy writes everything anew.
constexpr std::chrono::hours full_comparison_period{1};

LinuxTables linux_tables(Family family) {
  return LinuxTables(family, {"mangle", "nat", "filter"}, {"-m statistic --mode random --probability 0.5 -j RETURN"});
}

bool kernel_takes_invalid_for_valid() {
  const char* const name = "net.netfilter.nf_conntrack_tcp_be_liberal";
  return netlink::has_sysctl(name) && netlink::read_sysctl(name) != "0";
}

State state_for(const Options& options, const ClusterView& cluster, std::vector<IpAddress> addresses, Family family) {
  Settings settings{settings_of(options, cluster, family)};
  settings.localhost_node_ports = options.localhost_node_ports;
  settings.drop_invalid = !kernel_takes_invalid_for_valid();
  return desired_state(cluster.ports.at(family), node_view(cluster, std::move(addresses), family), settings);
}

void write_sysctls(const std::map<std::string, std::string>& sysctls, Report& report) {
  for (const auto& [name, value] : sysctls) {
    if (netlink::read_sysctl(name) == value) continue;
    netlink::write_sysctl(name, value);
    report.changes.push_back("set " + name + "=" + value);
  }
}

}  // namespace

IptablesMode::OneFamily::OneFamily(const Options& options, Family its_family, std::ostream& stream)
    : family(its_family),
      tables(linux_tables(its_family)),
      programmer(tables),
      stale_connections(its_family),
      log(stream, options.verbose) {}

// What the fingerprint tells is enough as a rule, and costs no run of iptables-save.
void IptablesMode::OneFamily::compare() {
  auto now = std::chrono::steady_clock::now();
  if (now - last_full_comparison < full_comparison_period) return programmer.verify();
  programmer.forget();
  last_full_comparison = now;
}

bool IptablesMode::OneFamily::sync(const ClusterView& cluster, const Options& options, netlink::Socket& routes,
                                   bool verify) {
  Report report;
  report.attempt([&] {
    std::vector<IpAddress> addresses = node_addresses(routes, family);
    State state = state_for(options, cluster, addresses, family);
    if (verify) compare();
    for (const std::string& chain : programmer.apply(state.rules)) report.changes.push_back("wrote rules: " + chain);
    // Behind the rule that keeps neighbours from what this opens.
    write_sysctls(state.sysctls, report);
    // Node ports may be served there, too.
    addresses.push_back(*IpAddress::parse(family == Family::ipv4 ? "127.0.0.1" : "::1"));
    stale_connections.update(cluster.ports.at(family), addresses, report);
  });
  log.write(to_string(family), report);
  return report.failures.empty();
}

IptablesMode::IptablesMode(const Options& options, std::ostream& log) : options_(options) {
  for (Family family : options.families()) {
    families_.push_back(std::make_unique<OneFamily>(options, family, log));
    log << "proxy: mode iptables, " << to_string(family) << ": " << families_.back()->tables.program() << std::endl;
  }
  warn_of_bridges(log);
}

bool IptablesMode::sync(const ClusterView& cluster, bool verify) {
  bool done = true;
  for (const auto& one : families_) done = one->sync(cluster, options_, routes_, verify) && done;
  return done;
}

void clean_up(const Options& options, const RuleSet& kept, std::ostream& log) {
  for (Family family : {Family::ipv4, Family::ipv6}) {
    std::optional<LinuxTables> tables;
    try {
      tables.emplace(linux_tables(family));
      tables->read_rules();
    } catch (const base::Error&) {
      if (family == Family::ipv6) continue;  // a kernel without it holds nothing of it
      throw;
    }
    Report report;
    report.attempt([&] {
      for (const std::string& chain : RuleProgrammer(*tables).remove(without(skeleton(), kept))) {
        report.changes.push_back("removed rules: " + chain);
      }
    });
    ReportLog(log, options.verbose).write(to_string(family), report);
    if (!report.failures.empty()) throw base::Error("clean up: " + report.failures.front());
  }
}

std::string describe(const Options& options, const ClusterView& cluster) {
  netlink::Socket routes;
  std::string text;
  for (Family family : options.families()) {
    State state = state_for(options, cluster, node_addresses(routes, family), family);
    for (const auto& [name, value] : state.sysctls) text += "sysctl -w " + name + "=" + value + "\n";
    text += to_shell(state.rules, family);
  }
  return text;
}

}  // namespace proxy::iptables
