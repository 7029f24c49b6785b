// TCP: one line that says who is here, then whatever comes is sent back.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>

#include "agents/echo/answer.h"

namespace echo {

class TcpService {
 public:
  // IDENTITY must outlive it.
  TcpService(boost::asio::io_context& loop, const Identity& identity, uint16_t port);

  uint16_t port() const;
  // Stops accepting; DRAINED is called once the last client has closed its connection.
  void drain(std::function<void()> drained);

 private:
  class Connection;
  struct Clients {
    size_t count = 0;
    std::function<void()> when_none;
  };
  void accept();
  void greet(boost::asio::ip::tcp::socket socket);

  const Identity& identity_;
  boost::asio::ip::tcp::acceptor acceptor_;
  boost::asio::steady_timer pause_;
  std::shared_ptr<Clients> clients_ = std::make_shared<Clients>();
};

}  // namespace echo
