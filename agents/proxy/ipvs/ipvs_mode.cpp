#include "agents/proxy/ipvs/ipvs_mode.h"

#include <sys/utsname.h>

#include <algorithm>

#include "agents/proxy/ipvs/desired.h"
#include "lib/base/error.h"
#include "lib/netlink/network_namespace.h"

namespace proxy::ipvs {
namespace {

using netlink::IpAddress;

std::string kernel_release() {
  utsname name{};
  base::check_system("read the kernel's release", ::uname(&name));
  return name.release;
}

std::optional<IpAddress> node_ip(const ClusterView& cluster, Family family) {
  auto found = std::find_if(cluster.node_ips.begin(), cluster.node_ips.end(),
                            [&](const IpAddress& address) { return family_of(address) == family; });
  return found == cluster.node_ips.end() ? std::nullopt : std::optional(*found);
}

Settings settings_for(const Options& options, const ClusterView& cluster, Family family) {
  Settings settings;
  settings.family = family;
  settings.scheduler = options.scheduler;
  settings.masquerade_all = options.masquerade_all;
  settings.masquerade_mark = options.masquerade_mark;
  for (const netlink::Prefix& range : options.cluster_cidrs) {
    if (family_of(range.address) == family) settings.cluster_cidr = range;
  }
  settings.node_port_addresses = options.node_port_addresses;
  if (auto ip = node_ip(cluster, family); ip && options.node_ports_on_node_ip_alone) {
    settings.node_port_addresses = {{*ip, ip->bits()}};
  }
  settings.strict_arp = options.strict_arp;
  settings.disable_connection_reuse = needs_connection_reuse_disabled(kernel_release());
  settings.timeouts.tcp = static_cast<std::uint32_t>(options.tcp_timeout.count());
  settings.timeouts.tcp_fin = static_cast<std::uint32_t>(options.tcp_fin_timeout.count());
  settings.timeouts.udp = static_cast<std::uint32_t>(options.udp_timeout.count());
  return settings;
}

State state_for(const Options& options, const ClusterView& cluster, std::vector<IpAddress> addresses, Family family) {
  NodeView node{cluster.zone, node_ip(cluster, family), std::move(addresses)};
  return desired_state(cluster.ports.at(family), node, settings_for(options, cluster, family));
}

// Without it, pods of one bridge answer each other past IPVS, and a client refuses the answer.
void warn_of_bridges(std::ostream& log) {
  const char* const name = "net.bridge.bridge-nf-call-iptables";
  if (netlink::has_sysctl(name) && netlink::read_sysctl(name) == "1") return;
  log << "proxy: sysctl " << name << " is not 1: a pod may not reach a Service whose endpoint is on the same bridge"
      << std::endl;
}

}  // namespace

IpvsMode::OneFamily::OneFamily(std::shared_ptr<KernelClients> clients, const Options& options, Family its_family,
                               std::ostream& stream)
    : family(its_family),
      kernel(std::move(clients), its_family),
      programmer(kernel, options.excluded),
      log(stream, options.verbose) {}

bool IpvsMode::OneFamily::sync(const ClusterView& cluster, const Options& options, bool verify) {
  Report report;
  report.attempt([&] {
    std::vector<IpAddress> addresses = kernel.node_addresses();
    report = programmer.apply(state_for(options, cluster, addresses, family), verify);
    drop_stale_connections(cluster.ports.at(family), addresses, report);
  });
  log.write(to_string(family), report);
  return report.failures.empty();
}

void IpvsMode::OneFamily::drop_stale_connections(const std::vector<ServicePort>& ports,
                                                 const std::vector<IpAddress>& addresses, Report& report) {
  bool changed = stale_connections.update(ports, addresses);
  if (!changed && !stale_connections_wait) return;
  stale_connections_wait = !report.attempt([&] {
    size_t count = kernel.delete_connections(
        [this](const netfilter::ConntrackEntry& entry) { return stale_connections.is_stale(entry); });
    if (count > 0) report.changes.push_back("deleted " + std::to_string(count) + " stale UDP connections");
  });
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

void clean_up(const Options& options, std::ostream& log) {
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
    Report report = Programmer(*kernel, options.excluded).remove_everything(family);
    ReportLog(log, options.verbose).write(to_string(family), report);
    if (!report.failures.empty()) throw base::Error("clean up: " + report.failures.front());
  }
}

std::string describe(const Options& options, const ClusterView& cluster) {
  netlink::Socket routes;
  std::string text;
  for (Family family : options.families()) {
    text += to_shell(state_for(options, cluster, node_addresses(routes, family), family));
  }
  return text;
}

}  // namespace proxy::ipvs
