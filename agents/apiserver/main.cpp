// apiserver: enough of the Kubernetes API for kubectl, kube-proxy, flanneld, CoreDNS and labctl's own agents.

#include <signal.h>

#include <CLI/CLI.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <iostream>

#include "agents/apiserver/api.h"
#include "lib/base/error.h"
#include "lib/base/http.h"

namespace {

struct Options {
  std::string bind_address = "0.0.0.0";
  uint16_t port = 8080;
  std::string advertise_address;
  std::string service_cluster_ip_range = "10.96.0.0/12";
  std::string service_node_port_range = "30000-32767";
  std::string data;
  int verbosity = 0;
};

std::string advertised(const Options& options) {
  if (!options.advertise_address.empty()) return options.advertise_address;
  bool any = options.bind_address == "0.0.0.0" || options.bind_address == "::";
  return any ? "127.0.0.1" : options.bind_address;
}

void run(const Options& options) {
  boost::asio::io_context loop(1);
  apiserver::Store store(options.data);
  apiserver::Registry registry(store, {apiserver::AddressRange(options.service_cluster_ip_range),
                                       apiserver::PortRange::parse(options.service_node_port_range)});
  apiserver::Api api(loop, registry, store, options.verbosity > 0 ? &std::cerr : nullptr);
  base::http::Server server(loop, [&](std::shared_ptr<base::http::Exchange> exchange) { api.handle(exchange); });
  auto endpoint = base::http::Endpoint::tcp(options.bind_address, options.port);
  endpoint.port = server.listen(endpoint);
  auto create_defaults = [&] { registry.create_defaults(advertised(options), endpoint.port); };
  create_defaults();
  // `kubectl delete services --all` is a habit; the real server makes this one anew, too.
  auto subscription = store.subscribe("services", [&](const std::string&, const apiserver::Change& change) {
    bool own = kube::key_of(*change.object) == "default/kubernetes";
    if (own && change.type == apiserver::Change::Type::deleted) boost::asio::post(loop, create_defaults);
  });
  std::cerr << "apiserver: listening on " << endpoint.text() << std::endl;

  boost::asio::signal_set signals(loop, SIGINT, SIGTERM);
  signals.async_wait([&](const boost::system::error_code&, int) { loop.stop(); });
  loop.run();
}

}  // namespace

int main(int argument_count, char** arguments) {
  Options options;
  CLI::App app("A small Kubernetes API server, in memory, over plain HTTP");
  app.add_option("--bind-address", options.bind_address, "Address to listen on")->capture_default_str();
  app.add_option("--port", options.port, "Port to listen on; 0 lets the kernel choose")->capture_default_str();
  app.add_option("--advertise-address", options.advertise_address,
                 "Address of the Service `kubernetes`; default: the bind address");
  app.add_option("--service-cluster-ip-range", options.service_cluster_ip_range, "Addresses of Services")
      ->capture_default_str();
  app.add_option("--service-node-port-range", options.service_node_port_range, "Node ports of Services")
      ->capture_default_str();
  app.add_option("--data", options.data, "File that keeps the objects over a restart; default: memory only");
  app.add_option("-v,--v", options.verbosity, "1 logs every request")->capture_default_str();
  CLI11_PARSE(app, argument_count, arguments);
  ::signal(SIGPIPE, SIG_IGN);
  try {
    run(options);
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "apiserver: " << error.what() << std::endl;
    return 1;
  }
}
