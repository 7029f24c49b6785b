// nodelet: labctl's kubelet. Runs the pods of its node through the node API (docs/node-api.md).

#include <signal.h>

#include <CLI/CLI.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <iostream>

#include "agents/nodelet/nodelet.h"
#include "lib/base/error.h"
#include "lib/netlink/address.h"

namespace {

void run(const nodelet::Options& options) {
  for (const auto& [option, text] :
       {std::pair{"--node-ip", options.node.address}, {"--cluster-dns", options.cluster_dns}}) {
    if (text.empty() || netlink::IpAddress::parse(text)) continue;
    throw base::Error(std::string(option) + ": \"" + text + "\" is not an address");
  }
  nodelet::prepare_kernel();
  boost::asio::io_context loop(1);
  nodelet::Nodelet agent(loop, options, std::cerr);
  agent.start();
  boost::asio::signal_set signals(loop, SIGINT, SIGTERM);
  signals.async_wait([&](const boost::system::error_code&, int) { loop.stop(); });
  loop.run();
}

}  // namespace

int main(int argument_count, char** arguments) {
  nodelet::Options options;
  CLI::App app("Runs the pods of one node. They go on running when it ends, and are adopted when it starts again.");
  app.add_option("--api", options.api, "URL of the API server")->required()->envname("API");
  app.add_option("--node", options.node.name, "Name of this node")->required()->envname("NODE_NAME");
  app.add_option("--node-ip", options.node.address, "Address of this node")->required()->envname("NODE_IP");
  app.add_option("--socket", options.node_api_socket, "Socket of the node API")->required();
  app.add_option("--network-ready-file", options.network_ready_file,
                 "File by which an overlay says that it is up; default: nothing is waited for");
  app.add_option("--pod-cidr", options.node.pod_cidr,
                 "Where the node's pods get their addresses from; default: the controller decides")
      ->check(CLI::Validator(
          [](const std::string& text) {
            return netlink::Prefix::parse(text) ? "" : "\"" + text + "\" is not a subnet like 10.244.1.0/24";
          },
          "SUBNET"));
  app.add_flag("--control-plane", options.node.control_plane, "Keep pods away that do not tolerate a control plane");
  app.add_option("--cluster-dns", options.cluster_dns,
                 "Address of the cluster's DNS; default: that of the Service kube-system/kube-dns, where there is one "
                 "when a pod starts");
  app.add_option("--cluster-domain", options.cluster_domain, "Domain of the cluster")->capture_default_str();
  CLI11_PARSE(app, argument_count, arguments);
  ::signal(SIGPIPE, SIG_IGN);
  try {
    run(options);
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "nodelet: " << error.what() << std::endl;
    return 1;
  }
}
