// overlay: lets the pods of all nodes reach one another, as flannel does, with flannel's names for everything.

#include <signal.h>

#include <CLI/CLI.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <iostream>

#include "agents/overlay/overlay.h"
#include "lib/base/error.h"

namespace {

struct Arguments {
  overlay::Options options;
  std::string network;
  std::string public_ip;
};

template <class Value>
Value parsed(const std::string& option, const std::string& text) {
  std::optional<Value> value = Value::parse(text);
  if (!value) throw base::Error(option + ": \"" + text + "\" is malformed");
  return *value;
}

void run(Arguments& arguments) {
  arguments.options.network = parsed<netlink::Prefix>("--network", arguments.network);
  if (!arguments.public_ip.empty()) {
    arguments.options.public_ip = parsed<netlink::IpAddress>("--public-ip", arguments.public_ip);
  }
  boost::asio::io_context loop(1);
  overlay::Overlay agent(loop, arguments.options, std::cerr);
  agent.start();
  boost::asio::signal_set signals(loop, SIGINT, SIGTERM);
  signals.async_wait([&](const boost::system::error_code&, int) { loop.stop(); });
  loop.run();
}

}  // namespace

int main(int argument_count, char** argument_values) {
  Arguments arguments;
  overlay::Options& options = arguments.options;
  CLI::App app(
      "Connects the pod networks of all nodes. What it has made stays when it ends, so that a restart interrupts "
      "nothing.");
  app.add_option("--kube-api-url", options.api, "URL of the API server")->required()->envname("API");
  app.add_option("--node", options.node, "Name of this node")->required()->envname("NODE_NAME");
  app.add_option("--iface", options.interface, "Link by which the nodes reach one another")->required();
  app.add_option("--network", arguments.network, "Addresses of all pods: 10.244.0.0/16")->required();
  app.add_option("--backend", options.backend, "One of: " + overlay::backend_names())->capture_default_str();
  app.add_option("--public-ip", arguments.public_ip,
                 "Address that the other nodes reach this one at; default: the link's");
  app.add_option("--vni", options.vni, "vxlan: the network identifier")->capture_default_str();
  app.add_option("--vxlan-port", options.vxlan_port, "vxlan: the UDP port; 0 is the kernel's default, 8472")
      ->capture_default_str();
  app.add_flag("--ip-masq", options.ip_masquerade, "Masquerade what pods send out of the cluster");
  app.add_flag("--iptables-forward-rules,!--no-iptables-forward-rules", options.forward_rules,
               "Accept pods' packets in FORWARD (default)");
  app.add_option("--subnet-file", options.subnet_file, "Where this node's pod network is told about its subnet")
      ->capture_default_str();
  CLI11_PARSE(app, argument_count, argument_values);
  ::signal(SIGPIPE, SIG_IGN);
  try {
    run(arguments);
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "overlay: " << error.what() << std::endl;
    return 1;
  }
}
