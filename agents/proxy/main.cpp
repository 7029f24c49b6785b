// proxy: the part of kube-proxy. Makes the Services of a cluster reachable on the node that it runs on.

#include <signal.h>

#include <CLI/CLI.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <iostream>

#include "agents/proxy/agent.h"
#include "agents/proxy/cluster.h"
#include "agents/proxy/mode.h"
#include "agents/proxy/options.h"
#include "lib/base/error.h"

namespace {

void add_flags(CLI::App& app, proxy::Flags& flags) {
  app.add_option("--master", flags.master, "URL of the API server")->envname("API");
  app.add_option("--hostname-override", flags.hostname_override, "Name of this node; default: the host's")
      ->envname("NODE_NAME");
  app.add_option("--proxy-mode", flags.proxy_mode, "ipvs or iptables")->capture_default_str();
  app.add_option("--cluster-cidr", flags.cluster_cidr, "Addresses of pods; what comes from elsewhere is masqueraded");
  app.add_option("--node-ip", flags.node_ip, "Address of this node; default: the InternalIP of its Node object");
  app.add_option("--nodeport-addresses", flags.nodeport_addresses,
                 "Ranges of the node's addresses that serve node ports, or `primary`; default: all");
  app.add_flag("--masquerade-all", flags.masquerade_all, "Masquerade everything that goes to a cluster IP");
  app.add_option("--iptables-masquerade-bit", flags.masquerade_bit, "Bit of the mark that means: masquerade")
      ->capture_default_str();
  app.add_flag("--iptables-localhost-nodeports", flags.localhost_node_ports,
               "Serve node ports on 127.0.0.1, too (mode iptables, IPv4); default: true");
  app.add_option("--ipvs-scheduler", flags.ipvs_scheduler, "rr, wrr, lc, wlc, sh, mh, …")->capture_default_str();
  app.add_flag("--ipvs-strict-arp", flags.ipvs_strict_arp, "Set arp_ignore and arp_announce");
  app.add_option("--ipvs-exclude-cidrs", flags.ipvs_exclude_cidrs,
                 "Ranges of virtual servers that belong to somebody else");
  app.add_option("--ipvs-tcp-timeout", flags.ipvs_tcp_timeout, "Of idle connections; 0s: the kernel's");
  app.add_option("--ipvs-tcpfin-timeout", flags.ipvs_tcpfin_timeout, "Of ending connections; 0s: the kernel's");
  app.add_option("--ipvs-udp-timeout", flags.ipvs_udp_timeout, "Of UDP; 0s: the kernel's");
  app.add_option("--ipvs-sync-period,--iptables-sync-period", flags.sync_period, "How often the kernel is compared")
      ->capture_default_str();
  app.add_option("--ipvs-min-sync-period,--iptables-min-sync-period", flags.min_sync_period,
                 "How often changes are programmed at most")
      ->capture_default_str();
  app.add_option("--healthz-bind-address", flags.healthz_bind_address, "Where GET /healthz is answered; empty: nowhere")
      ->capture_default_str();
  app.add_option("-v,--v", flags.verbosity, "2 tells every change")->capture_default_str();
}

void dump(boost::asio::io_context& loop, const proxy::Options& options) {
  kube::Client client(loop, options.master, "kube-proxy");
  proxy::Cluster cluster(client, options, std::cerr);
  cluster.start([&] { loop.stop(); });
  loop.run();
  if (cluster.complete()) std::cout << proxy::describe(options, cluster.view()) << std::flush;
}

void run(const proxy::Flags& flags, bool clean_up, bool only_dump) {
  proxy::Options options = proxy::parse_options(flags);
  if (clean_up) return proxy::clean_up(options, std::cerr);
  if (options.master.empty()) throw base::Error("--master=URL of the API server expected");
  boost::asio::io_context loop(1);
  // What is programmed stays: traffic goes on while the agent is replaced.
  boost::asio::signal_set signals(loop, SIGINT, SIGTERM);
  signals.async_wait([&](const boost::system::error_code&, int) { loop.stop(); });
  if (only_dump) return dump(loop, options);
  proxy::Agent agent(loop, options, proxy::make_mode(options, std::cerr), std::cerr);
  loop.run();
}

}  // namespace

int main(int argument_count, char** arguments) {
  proxy::Flags flags;
  bool clean_up = false;
  bool only_dump = false;
  CLI::App app("Makes the Services of a cluster reachable on this node, as kube-proxy does");
  add_flags(app, flags);
  app.add_flag("--cleanup", clean_up, "Take away everything it has made, and end");
  app.add_flag("--dump", only_dump, "Print what it would program, as commands, each with its Service; and end");
  CLI11_PARSE(app, argument_count, arguments);
  ::signal(SIGPIPE, SIG_IGN);
  try {
    run(flags, clean_up, only_dump);
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "proxy: " << error.what() << std::endl;
    return 1;
  }
}
