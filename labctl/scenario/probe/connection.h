// A socket that belongs to one request: nothing takes longer than the request may, and every failure is told by what
// the kernel said.
#pragma once

#include <chrono>
#include <string>

#include "labctl/scenario/probe/target.h"
#include "lib/base/file_descriptor.h"

namespace probe {

using Clock = std::chrono::steady_clock;

class Connection {
 public:
  // TYPE and PROTOCOL as of socket(2). Throws base::Error where there can be no such socket.
  Connection(int type, int protocol, const Address& peer, Clock::time_point deadline);

  // All functions throw RequestFailed. Of TCP it has returned when the peer has accepted.
  void connect();
  void send(const std::string& data);
  // What has arrived, at most SIZE bytes; waits for some. Empty: the peer has ended it (TCP).
  std::string receive(size_t size);

  int descriptor() const { return socket_.get(); }
  // Valid from connect() on, also where that failed.
  const std::string& local() const { return local_; }

 private:
  void wait_for(short events, const char* doing);
  // The error that is pending on the socket: 0 for none.
  int pending_error() const;

  Address peer_;
  Clock::time_point deadline_;
  base::FileDescriptor socket_;
  std::string local_;
};

}  // namespace probe
