#include "agents/echo/udp_service.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstring>
#include <optional>

#include "agents/echo/sockets.h"
#include "lib/base/error.h"
#include "lib/base/socket_address.h"

namespace echo {
namespace {

// Of a datagram's text, so that the answer fits into one, even where JSON needs six characters for each of its bytes.
constexpr size_t longest_data = 8 * 1024;

struct alignas(cmsghdr) Control {
  std::array<char, CMSG_SPACE(sizeof(in_pktinfo)) + CMSG_SPACE(sizeof(in6_pktinfo))> bytes;
};

template <class Option>
void put_control(msghdr& message, Control& control, int level, int type, const Option& option) {
  message.msg_control = control.bytes.data();
  message.msg_controllen = CMSG_SPACE(sizeof option);
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = level;
  header->cmsg_type = type;
  header->cmsg_len = CMSG_LEN(sizeof option);
  std::memcpy(CMSG_DATA(header), &option, sizeof option);
}

void enable(int socket, int level, int option) {
  int on = 1;
  base::check_system("setsockopt", ::setsockopt(socket, level, option, &on, sizeof on));
}

}  // namespace

// What came, from whom, and which of our addresses it came to: the answer must leave from that one, or the client, and
// every NAT between, takes it for somebody else's.
struct UdpService::Datagram {
  sockaddr_storage client{};
  socklen_t client_length = sizeof(sockaddr_storage);
  std::optional<in_pktinfo> ipv4;
  std::optional<in6_pktinfo> ipv6;
  std::string_view data;

  const sockaddr* client_address() const { return reinterpret_cast<const sockaddr*>(&client); }

  void read_control(msghdr& message) {
    for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
      if (header->cmsg_level == IPPROTO_IP && header->cmsg_type == IP_PKTINFO) {
        std::memcpy(&ipv4.emplace(), CMSG_DATA(header), sizeof(in_pktinfo));
      } else if (header->cmsg_level == IPPROTO_IPV6 && header->cmsg_type == IPV6_PKTINFO) {
        std::memcpy(&ipv6.emplace(), CMSG_DATA(header), sizeof(in6_pktinfo));
      }
    }
  }

  base::SocketAddress reached_at(uint16_t port) const {
    if (ipv4) {
      sockaddr_in address{AF_INET, htons(port), ipv4->ipi_addr, {}};
      return base::SocketAddress::of(reinterpret_cast<sockaddr*>(&address));
    }
    if (!ipv6) return {};
    sockaddr_in6 address{AF_INET6, htons(port), 0, ipv6->ipi6_addr, 0};
    return base::SocketAddress::of(reinterpret_cast<sockaddr*>(&address));
  }

  // The interface is left to the routing table: on a router, the way back need not be the way here.
  void leave_from_there(msghdr& message, Control& control) const {
    if (ipv4) {
      put_control(message, control, IPPROTO_IP, IP_PKTINFO, in_pktinfo{0, ipv4->ipi_spec_dst, {}});
    } else if (ipv6) {
      put_control(message, control, IPPROTO_IPV6, IPV6_PKTINFO, in6_pktinfo{ipv6->ipi6_addr, 0});
    }
  }
};

UdpService::UdpService(boost::asio::io_context& loop, const Identity& identity, uint16_t port)
    : identity_(identity), socket_(loop) {
  base::FileDescriptor socket = bind_to_port(SOCK_DGRAM, port);
  base::SocketAddress local = base::SocketAddress::local(socket.get());
  port_ = local.port;
  enable(socket.get(), IPPROTO_IP, IP_PKTINFO);
  if (local.family == AF_INET6) enable(socket.get(), IPPROTO_IPV6, IPV6_RECVPKTINFO);
  socket_.assign(socket.release());
  wait();
}

void UdpService::wait() {
  socket_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                     [this](const boost::system::error_code& failure) {
                       if (failure) return;
                       answer_arrived();
                       wait();
                     });
}

void UdpService::answer_arrived() {
  std::array<char, 64 * 1024> buffer;
  // A flood must not keep the loop from everything else.
  for (int count = 0; count < 64; ++count) {
    Datagram datagram;
    Control control;
    iovec part{buffer.data(), buffer.size()};
    msghdr message{&datagram.client, datagram.client_length, &part, 1, control.bytes.data(), control.bytes.size(), 0};
    ssize_t size = ::recvmsg(socket_.native_handle(), &message, 0);
    if (size < 0) {
      // What an earlier answer met on its way (ICMP errors) is no reason to stop.
      if (errno == EAGAIN || errno == EWOULDBLOCK) return;
      continue;
    }
    datagram.client_length = message.msg_namelen;
    datagram.read_control(message);
    datagram.data = {buffer.data(), static_cast<size_t>(size)};
    answer(datagram);
  }
}

void UdpService::answer(const Datagram& datagram) {
  boost::json::object object = describe(identity_, base::SocketAddress::of(datagram.client_address()).text(),
                                        datagram.reached_at(port_).text(), "udp");
  object["data"] = printable(datagram.data.substr(0, longest_data));
  object["bytes"] = datagram.data.size();
  std::string line = to_line(object);
  Control control;
  iovec part{line.data(), line.size()};
  msghdr message{const_cast<sockaddr_storage*>(&datagram.client), datagram.client_length, &part, 1, nullptr, 0, 0};
  datagram.leave_from_there(message, control);
  // Whether an answer arrives is for the client to find out: this is UDP.
  ::sendmsg(socket_.native_handle(), &message, MSG_NOSIGNAL);
}

void UdpService::drain() {
  answer_arrived();
  boost::system::error_code ignored;
  socket_.close(ignored);
}

}  // namespace echo
