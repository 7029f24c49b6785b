#include "labctl/scenario/probe/connection.h"

#include <netinet/in.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>

#include "labctl/scenario/probe/outcome.h"
#include "lib/base/error.h"
#include "lib/base/socket_address.h"

namespace probe {
namespace {

// Without it the kernel keeps to itself what ICMP says of a datagram's destination, unless it is final (udp(7), raw(7):
// "host unreachable" is not).
void ask_for_icmp_errors(int socket, int family) {
  int on = 1;
  int result = family == AF_INET6 ? ::setsockopt(socket, IPPROTO_IPV6, IPV6_RECVERR, &on, sizeof on)
                                  : ::setsockopt(socket, IPPROTO_IP, IP_RECVERR, &on, sizeof on);
  base::check_system("ask for ICMP errors", result);
}

}  // namespace

Connection::Connection(int type, int protocol, const Address& peer, Clock::time_point deadline)
    : peer_(peer),
      deadline_(deadline),
      socket_(::socket(peer.family(), type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol)) {
  // A kernel without IPv6 reaches no IPv6 address: that is an answer, too.
  if (!socket_.valid() && errno == EAFNOSUPPORT) throw RequestFailed::system("open a socket", errno);
  base::check_system("open a socket", socket_.get());
  if (type != SOCK_STREAM) ask_for_icmp_errors(socket_.get(), peer.family());
}

void Connection::connect() {
  int result = ::connect(socket_.get(), peer_.get(), peer_.length);
  int error = result < 0 ? errno : 0;
  local_ = base::SocketAddress::local(socket_.get()).text();
  if (error == EINPROGRESS) {
    wait_for(POLLOUT, "connect");
    error = pending_error();
  }
  if (error != 0) throw RequestFailed::system("connect", error);
}

void Connection::send(const std::string& data) {
  for (size_t sent = 0; sent < data.size();) {
    ssize_t count = ::send(socket_.get(), data.data() + sent, data.size() - sent, MSG_NOSIGNAL);
    if (count >= 0) {
      sent += static_cast<size_t>(count);
    } else if (errno == EAGAIN) {
      wait_for(POLLOUT, "send");
    } else if (errno != EINTR) {
      throw RequestFailed::system("send", errno);
    }
  }
}

std::string Connection::receive(size_t size) {
  std::string data(size, '\0');
  while (true) {
    ssize_t count = ::recv(socket_.get(), data.data(), size, 0);
    if (count >= 0) {
      data.resize(static_cast<size_t>(count));
      return data;
    }
    if (errno == EAGAIN) {
      wait_for(POLLIN, "wait for an answer");
    } else if (errno != EINTR) {
      throw RequestFailed::system("wait for an answer", errno);
    }
  }
}

void Connection::wait_for(short events, const char* doing) {
  pollfd waiting{socket_.get(), events, 0};
  while (true) {
    auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline_ - Clock::now()).count();
    int ready = ::poll(&waiting, 1, static_cast<int>(std::clamp<decltype(left)>(left, 0, 1 << 30)));
    if (ready > 0) return;
    if (ready < 0 && errno != EINTR) throw base::Error::system("wait for a socket");
    if (Clock::now() >= deadline_) throw RequestFailed::system(doing, ETIMEDOUT);
  }
}

int Connection::pending_error() const {
  int error = 0;
  socklen_t length = sizeof error;
  base::check_system("ask a socket for its error", ::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &length));
  return error;
}

}  // namespace probe
