// UDP: every datagram is answered with one that says who is here and what came.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <string_view>

#include "agents/echo/answer.h"

namespace echo {

class UdpService {
 public:
  // IDENTITY must outlive it.
  UdpService(boost::asio::io_context& loop, const Identity& identity, uint16_t port);

  uint16_t port() const { return port_; }
  // Answers what has arrived, and closes.
  void drain();

 private:
  struct Datagram;
  void wait();
  void answer_arrived();
  void answer(const Datagram& datagram);

  const Identity& identity_;
  boost::asio::posix::stream_descriptor socket_;
  uint16_t port_;
};

}  // namespace echo
