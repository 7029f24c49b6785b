#include "agents/proxy/ipvs/ipvs_mode.h"

#include <sys/utsname.h>

#include "agents/proxy/ipvs/desired.h"
#include "agents/proxy/node.h"
#include "lib/base/error.h"
#include "lib/netlink/link.h"

namespace proxy::ipvs {
namespace {

using netlink::IpAddress;

std::string kernel_release() {
  utsname name{};
  base::check_system("read the kernel's release", ::uname(&name));
  return name.release;
}

Settings settings_for(const Options& options, const ClusterView& cluster, Family family) {
  Settings settings{settings_of(options, cluster, family)};
  settings.scheduler = options.scheduler;
  settings.strict_arp = options.strict_arp;
  settings.disable_connection_reuse = needs_connection_reuse_disabled(kernel_release());
  settings.timeouts.tcp = static_cast<std::uint32_t>(options.tcp_timeout.count());
  settings.timeouts.tcp_fin = static_cast<std::uint32_t>(options.tcp_fin_timeout.count());
  settings.timeouts.udp = static_cast<std::uint32_t>(options.udp_timeout.count());
  return settings;
}

State state_for(const Options& options, const ClusterView& cluster, std::vector<IpAddress> addresses, Family family) {
  NodeView node = node_view(cluster, std::move(addresses), family);
  return desired_state(cluster.ports.at(family), node, settings_for(options, cluster, family));
}

}  // namespace

IpvsMode::OneFamily::OneFamily(std::shared_ptr<KernelClients> clients, const Options& options, Family its_family,
                               std::ostream& stream)
    : family(its_family),
      kernel(std::move(clients), its_family),
      programmer(kernel, options.excluded),
      stale_connections(its_family),
      log(stream, options.verbose) {}

bool IpvsMode::OneFamily::sync(const ClusterView& cluster, const Options& options, bool verify) {
  Report report;
  report.attempt([&] {
    std::vector<IpAddress> addresses = kernel.node_addresses();
    report = programmer.apply(state_for(options, cluster, addresses, family), verify);
    stale_connections.update(cluster.ports.at(family), addresses, report);
  });
  log.write(to_string(family), report);
  return report.failures.empty();
}

IpvsMode::IpvsMode(const Options& options, std::ostream& log) : options_(options) {
  auto clients = std::make_shared<KernelClients>();
  probe_scheduler(clients->ipvs, options.scheduler);
  for (Family family : options.families()) {
    families_.push_back(std::make_unique<OneFamily>(clients, options, family, log));
    log << "proxy: mode ipvs, " << to_string(family) << ": " << families_.back()->kernel.description() << std::endl;
  }
  warn_of_bridges(log);
}

bool IpvsMode::sync(const ClusterView& cluster, bool verify) {
  bool done = true;
  for (const auto& one : families_) done = one->sync(cluster, options_, verify) && done;
  return done;
}

RuleSet skeleton() {
  return desired_state({}, {}, {}).rules;
}

bool left_something() {
  netlink::Socket routes;
  return netlink::find_link(routes, device_name).has_value();
}

void clean_up(const Options& options, const RuleSet& kept, std::ostream& log) {
  auto clients = std::make_shared<KernelClients>();
  for (Family family : {Family::ipv4, Family::ipv6}) {
    std::optional<LinuxKernel> kernel;
    try {
      kernel.emplace(clients, family);
      kernel->read_rules();
    } catch (const base::Error&) {
      if (family == Family::ipv6) continue;  // a kernel without it holds nothing of it
      throw;
    }
    Report report = Programmer(*kernel, options.excluded).remove_everything(family, kept);
    ReportLog(log, options.verbose).write(to_string(family), report);
    if (!report.failures.empty()) throw base::Error("clean up: " + report.failures.front());
  }
}

std::string describe(const Options& options, const ClusterView& cluster) {
  netlink::Socket routes;
  std::string text;
  for (Family family : options.families()) {
    text += to_shell(state_for(options, cluster, node_addresses(routes, family, device_name), family));
  }
  return text;
}

}  // namespace proxy::ipvs
