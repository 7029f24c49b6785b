// A netlink socket that answers in the kernel's own words.
#pragma once

#include <netlink/attr.h>
#include <netlink/msg.h>
#include <sys/socket.h>

#include <functional>
#include <memory>
#include <string>

#include "lib/base/file_descriptor.h"
#include "lib/netlink/message.h"

struct nl_sock;

namespace netlink {

// Threading: one thread at a time. Errors: base::Error with the kernel's extended acknowledgement where it gives one.
// A socket acts in the network namespace it was opened in, for good, wherever the thread goes afterwards.
class Socket {
 public:
  // In the calling thread's namespace. PROTOCOL: NETLINK_ROUTE and the like.
  explicit Socket(int protocol = 0);
  static Socket open_in(const base::FileDescriptor& network_namespace, int protocol = 0);
  Socket(Socket&&) noexcept = default;
  Socket& operator=(Socket&&) noexcept = default;
  ~Socket();

  // Sends and waits for the acknowledgement; throws "DOING: <the kernel's words>".
  void request(const std::string& doing, const Message& message);

  // Sends a dump request (NLM_F_DUMP is added) and hands every message of the answer to EACH.
  void dump(const std::string& doing, Message& message, const std::function<void(nlmsghdr*)>& each);

  // Sends a request that is answered by one object, as RTM_GETLINK by name is.
  void get(const std::string& doing, const Message& message, const std::function<void(nlmsghdr*)>& answer);

  // For subscriptions: joins a multicast group (RTNLGRP_…), then read with receive() when descriptor() is readable.
  void join(int group);
  int descriptor() const;
  // All messages that wait. Returns false when the kernel had to drop some (ENOBUFS): read the state anew then.
  bool receive(const std::function<void(nlmsghdr*)>& each);

 private:
  void exchange(const std::string& doing, const Message& message, const std::function<void(nlmsghdr*)>& each);
  struct Free {
    void operator()(nl_sock* socket) const;
  };
  std::unique_ptr<nl_sock, Free> socket_;
  std::uint32_t sequence_ = 0;
};

}  // namespace netlink
