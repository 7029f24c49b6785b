// The whole server: any number of HTTP, TCP and UDP ports, and one end for all of them.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <vector>

#include "agents/echo/answer.h"
#include "agents/echo/http_service.h"
#include "agents/echo/tcp_service.h"
#include "agents/echo/udp_service.h"
#include "lib/base/http.h"

namespace echo {

class Server {
 public:
  Server(boost::asio::io_context& loop, Identity identity);

  // Each returns the port: for 0, the kernel's choice.
  uint16_t serve_http(uint16_t port);
  uint16_t serve_tcp(uint16_t port);
  uint16_t serve_udp(uint16_t port);

  // Accepts nothing new; DRAINED is called once everything that was under way has ended.
  void drain(std::function<void()> drained);

 private:
  boost::asio::io_context& loop_;
  Identity identity_;
  HttpService http_service_;
  base::http::Server http_;
  std::vector<std::unique_ptr<TcpService>> tcp_;
  std::vector<std::unique_ptr<UdpService>> udp_;
};

}  // namespace echo
