// Tells when addresses of this network namespace come or go: node ports are served on all of them, and somebody may
// take those of kube-ipvs0 away.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <functional>

#include "lib/netlink/socket.h"

namespace proxy {

class AddressWatch {
 public:
  AddressWatch(boost::asio::io_context& loop, std::function<void()> on_change);
  ~AddressWatch();
  AddressWatch(const AddressWatch&) = delete;
  AddressWatch& operator=(const AddressWatch&) = delete;

 private:
  void wait();

  netlink::Socket socket_;
  boost::asio::posix::stream_descriptor descriptor_;  // borrows the socket's
  std::function<void()> on_change_;
};

}  // namespace proxy
