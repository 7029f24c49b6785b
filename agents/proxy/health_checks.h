// The answers that load balancers ask of healthCheckNodePort: has this node endpoints of the Service of its own? With
// externalTrafficPolicy Local, traffic should be sent to those nodes alone (KEP-1669).
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "agents/proxy/service_port.h"
#include "lib/base/http.h"

namespace proxy {

struct HealthCheck {
  std::string service;  // "default/web"
  size_t local_endpoints = 0;

  // 200 where there are some, else 503; the body and headers of kube-proxy.
  base::http::Response response() const;
};

// By port.
std::map<std::uint16_t, HealthCheck> health_checks(const std::vector<ServicePort>& ports);

class HealthCheckServers {
 public:
  HealthCheckServers(boost::asio::io_context& loop, std::ostream& log) : loop_(loop), log_(log) {}
  // Listens on exactly the ports of WANTED.
  void update(std::map<std::uint16_t, HealthCheck> wanted);

 private:
  std::unique_ptr<base::http::Server> listen(std::uint16_t port);

  boost::asio::io_context& loop_;
  std::ostream& log_;
  std::map<std::uint16_t, HealthCheck> checks_;
  std::map<std::uint16_t, std::unique_ptr<base::http::Server>> servers_;
};

}  // namespace proxy
