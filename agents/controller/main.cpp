// controller: the part of kube-controller-manager and kube-scheduler that a lab needs.

#include <signal.h>

#include <CLI/CLI.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <iostream>

#include "agents/controller/controller.h"
#include "lib/base/error.h"

namespace {

struct Arguments {
  std::string master;
  std::string cluster_cidr;
  unsigned mask_size = 24;
  unsigned mask_size_v6 = 64;
  double node_grace_seconds = 10;
  unsigned eviction_seconds = 300;
};

void run(const Arguments& arguments) {
  controller::Options options;
  options.ranges =
      controller::parse_cluster_ranges(arguments.cluster_cidr, arguments.mask_size, arguments.mask_size_v6);
  options.node_grace = std::chrono::milliseconds(static_cast<int64_t>(arguments.node_grace_seconds * 1000));
  options.delays.silent_node = std::chrono::seconds(arguments.eviction_seconds);

  boost::asio::io_context loop(1);
  controller::Controller controller(loop, arguments.master, std::move(options), std::cerr);
  controller.start();
  boost::asio::signal_set signals(loop, SIGINT, SIGTERM);
  signals.async_wait([&](const boost::system::error_code&, int) { loop.stop(); });
  loop.run();
}

}  // namespace

int main(int argument_count, char** argument_values) {
  Arguments arguments;
  CLI::App app("Turns Deployments into pods, puts them on nodes, and says which addresses stand behind Services");
  app.add_option("--master", arguments.master, "URL of the API server")->required();
  app.add_option("--cluster-cidr", arguments.cluster_cidr,
                 "Addresses of all pods, of which each node gets a part; two with a comma for IPv4 and IPv6");
  app.add_option("--node-cidr-mask-size", arguments.mask_size, "Prefix length of a node's part")->capture_default_str();
  app.add_option("--node-cidr-mask-size-ipv6", arguments.mask_size_v6, "The same for IPv6")->capture_default_str();
  app.add_option("--node-monitor-grace-period", arguments.node_grace_seconds,
                 "Seconds without renewal of its Lease after which a node is not ready")
      ->capture_default_str();
  app.add_option("--pod-eviction-timeout", arguments.eviction_seconds,
                 "Seconds after which the pods of such a node are deleted")
      ->capture_default_str();
  CLI11_PARSE(app, argument_count, argument_values);
  ::signal(SIGPIPE, SIG_IGN);
  try {
    run(arguments);
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "controller: " << error.what() << std::endl;
    return 1;
  }
}
