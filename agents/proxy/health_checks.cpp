#include "agents/proxy/health_checks.h"

#include <fmt/format.h>

#include <set>

#include "lib/base/error.h"

namespace proxy {

std::map<std::uint16_t, HealthCheck> health_checks(const std::vector<ServicePort>& ports) {
  std::map<std::string, std::set<netlink::IpAddress>> local;
  for (const ServicePort& port : ports) {
    for (const Endpoint& endpoint : port.endpoints) {
      if (endpoint.local && endpoint.ready) local[port.service].insert(endpoint.address);
    }
  }
  std::map<std::uint16_t, HealthCheck> checks;
  for (const ServicePort& port : ports) {
    if (port.health_check_node_port == 0) continue;
    checks[port.health_check_node_port] = {port.service, local[port.service].size()};
  }
  return checks;
}

base::http::Response HealthCheck::response() const {
  size_t slash = service.find('/');
  base::http::Response response;
  response.status = local_endpoints > 0 ? 200 : 503;
  response.headers.emplace("X-Load-Balancing-Endpoint-Weight", std::to_string(local_endpoints));
  response.body =
      fmt::format(R"({{"service":{{"namespace":"{}","name":"{}"}},"localEndpoints":{},"serviceProxyHealthy":true}})",
                  service.substr(0, slash), service.substr(slash + 1), local_endpoints);
  return response;
}

void HealthCheckServers::update(std::map<std::uint16_t, HealthCheck> wanted) {
  for (auto server = servers_.begin(); server != servers_.end();) {
    server = wanted.count(server->first) == 0 ? servers_.erase(server) : std::next(server);
  }
  for (const auto& [port, check] : wanted) {
    if (servers_.count(port) == 0) servers_[port] = listen(port);
  }
  checks_ = std::move(wanted);
}

// Nothing where the port is taken: told once, and the Service works without.
std::unique_ptr<base::http::Server> HealthCheckServers::listen(std::uint16_t port) {
  auto server =
      std::make_unique<base::http::Server>(loop_, [this, port](std::shared_ptr<base::http::Exchange> exchange) {
        auto check = checks_.find(port);
        if (check != checks_.end()) exchange->respond(check->second.response());
      });
  try {
    server->listen(base::http::Endpoint::tcp("0.0.0.0", port));
    return server;
  } catch (const base::Error& error) {
    log_ << "proxy: health check: " << error.what() << std::endl;
    return nullptr;
  }
}

}  // namespace proxy
