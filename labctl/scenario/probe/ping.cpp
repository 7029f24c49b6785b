#include "labctl/scenario/probe/ping.h"

#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

#include "labctl/scenario/probe/outcome.h"
#include "lib/base/error.h"

namespace probe {
namespace {

constexpr size_t header_size = 8;  // type, code, checksum, identifier, sequence
const char* const payload = "labctl probe";

int socket_option(int socket, int level, int option) {
  int value = 0;
  socklen_t length = sizeof value;
  base::check_system("ask a socket what it is", ::getsockopt(socket, level, option, &value, &length));
  return value;
}

// RFC 1071. The kernel fills it in for ICMPv6 and for its own kind of socket.
std::uint16_t checksum(const std::string& packet) {
  std::uint32_t sum = 0;
  for (size_t i = 0; i < packet.size(); i += 2) {
    std::uint16_t word = 0;
    std::memcpy(&word, packet.data() + i, std::min<size_t>(2, packet.size() - i));
    sum += word;
  }
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum);
}

std::string echo_request(bool ipv6, std::uint16_t identifier) {
  std::string packet(header_size, '\0');
  packet[0] = static_cast<char>(ipv6 ? ICMP6_ECHO_REQUEST : ICMP_ECHO);
  std::memcpy(packet.data() + 4, &identifier, sizeof identifier);
  packet += payload;
  std::uint16_t sum = ipv6 ? 0 : checksum(packet);
  std::memcpy(packet.data() + 2, &sum, sizeof sum);
  return packet;
}

// A raw socket sees every ICMP packet of its peer. Its own identifier tells which are ours; the kernel's kind of socket
// has an identifier of the kernel's choice and gets no others.
bool is_reply(std::string packet, bool ipv6, bool raw, std::uint16_t identifier) {
  if (raw && !ipv6 && !packet.empty()) packet.erase(0, (static_cast<size_t>(packet[0]) & 0xf) * 4);  // the IP header
  if (packet.size() < header_size) return false;
  std::uint16_t replied = 0;
  std::memcpy(&replied, packet.data() + 4, sizeof replied);
  auto type = static_cast<unsigned char>(packet[0]);
  return type == (ipv6 ? ICMP6_ECHO_REPLY : ICMP_ECHOREPLY) && (!raw || replied == identifier) &&
         packet.compare(header_size, std::string::npos, payload) == 0;
}

}  // namespace

Connection open_icmp(const Address& peer, Clock::time_point deadline) {
  int protocol = peer.family() == AF_INET6 ? static_cast<int>(IPPROTO_ICMPV6) : static_cast<int>(IPPROTO_ICMP);
  try {
    return Connection(SOCK_RAW, protocol, peer, deadline);
  } catch (const base::Error& error) {
    if (error.error_number() != EPERM) throw;
  }
  try {
    return Connection(SOCK_DGRAM, protocol, peer, deadline);
  } catch (const base::Error& error) {
    throw error.within("ping").with_mend("sysctl -w net.ipv4.ping_group_range=\"0 2147483647\", or run it as root");
  }
}

void exchange_echo(Connection& connection) {
  bool ipv6 = socket_option(connection.descriptor(), SOL_SOCKET, SO_DOMAIN) == AF_INET6;
  bool raw = socket_option(connection.descriptor(), SOL_SOCKET, SO_TYPE) == SOCK_RAW;
  // Programs of one node may ping at the same time, and one program's late reply is not the next one's.
  static std::uint16_t requests = 0;
  auto identifier = static_cast<std::uint16_t>(::getpid() * 16 + ++requests);
  connection.send(echo_request(ipv6, identifier));
  while (!is_reply(connection.receive(2048), ipv6, raw, identifier)) {
  }
}

}  // namespace probe
