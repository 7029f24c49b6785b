#include "agents/overlay/ip_packet.h"

#include <sys/socket.h>

#include <algorithm>
#include <set>

namespace overlay {
namespace {

constexpr std::size_t least_header = 20;
constexpr std::size_t fragment_at = 6, time_to_live_at = 8, protocol_at = 9, checksum_at = 10, source_at = 12,
                      destination_at = 16;
constexpr std::uint8_t icmp = 1;

std::uint8_t byte_at(const std::string& packet, std::size_t at) {
  return static_cast<std::uint8_t>(packet[at]);
}

std::uint32_t word_at(const std::string& packet, std::size_t at) {
  return static_cast<std::uint32_t>(byte_at(packet, at) << 8 | byte_at(packet, at + 1));
}

void put_word(std::string& packet, std::size_t at, std::uint16_t word) {
  packet[at] = static_cast<char>(word >> 8);
  packet[at + 1] = static_cast<char>(word & 0xff);
}

std::uint16_t folded(std::uint32_t sum) {
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(sum);
}

std::size_t header_length(const std::string& packet) {
  return (byte_at(packet, 0) & 0xfu) * 4;
}

bool is_later_fragment(const std::string& packet) {
  return (word_at(packet, fragment_at) & 0x1fff) != 0;
}

// All types but queries and their answers, and what is too short to have one (RFC 1122, 3.2.2).
bool is_icmp_error(const std::string& packet) {
  if (byte_at(packet, protocol_at) != icmp) return false;
  if (header_length(packet) >= packet.size()) return true;
  static const std::set<std::uint8_t> queries{0, 8, 9, 10, 13, 14, 15, 16, 17, 18};
  return queries.count(byte_at(packet, header_length(packet))) == 0;
}

// Not 0.0.0.0/8, loopback, multicast or reserved, with the broadcast address.
bool comes_from_a_host(const std::string& packet) {
  std::uint8_t first = byte_at(packet, source_at);
  return first != 0 && first != 127 && first < 224;
}

}  // namespace

std::optional<netlink::IpAddress> destination_of(const std::string& packet) {
  if (packet.empty() || byte_at(packet, 0) >> 4 != 4) return std::nullopt;
  if (header_length(packet) < least_header || header_length(packet) > packet.size()) return std::nullopt;
  return netlink::IpAddress(AF_INET, packet.data() + destination_at);
}

bool decrement_time_to_live(std::string& packet) {
  if (byte_at(packet, time_to_live_at) <= 1) return false;
  std::uint32_t before = word_at(packet, time_to_live_at);
  packet[time_to_live_at] = static_cast<char>(byte_at(packet, time_to_live_at) - 1);
  // RFC 1624, equation 3: ~(~checksum + ~before + after)
  std::uint32_t sum = (~word_at(packet, checksum_at) & 0xffff) + (~before & 0xffff) + word_at(packet, time_to_live_at);
  put_word(packet, checksum_at, static_cast<std::uint16_t>(~folded(sum)));
  return true;
}

std::uint16_t checksum(const std::string& packet, std::size_t begin, std::size_t end) {
  std::uint32_t sum = 0;
  for (std::size_t at = begin; at < end; at += 2) {
    sum += at + 1 < end ? word_at(packet, at) : static_cast<std::uint32_t>(byte_at(packet, at) << 8);
  }
  return static_cast<std::uint16_t>(~folded(sum));
}

std::optional<std::string> network_unreachable(const std::string& packet, const netlink::IpAddress& router) {
  if (is_icmp_error(packet) || is_later_fragment(packet) || !comes_from_a_host(packet)) return std::nullopt;
  constexpr std::size_t icmp_header = 8, quoted_payload = 8;
  std::size_t quoted = std::min(header_length(packet) + quoted_payload, packet.size());
  std::string message(least_header + icmp_header, '\0');
  message += packet.substr(0, quoted);
  message[0] = 0x45;  // version 4, header of five words
  put_word(message, 2, static_cast<std::uint16_t>(message.size()));
  message[time_to_live_at] = 64;
  message[protocol_at] = icmp;
  std::copy_n(router.bytes(), 4, message.begin() + source_at);
  std::copy_n(packet.begin() + source_at, 4, message.begin() + destination_at);
  put_word(message, checksum_at, checksum(message, 0, least_header));
  message[least_header] = 3;  // destination unreachable, code 0: the network
  put_word(message, least_header + 2, checksum(message, least_header, message.size()));
  return message;
}

}  // namespace overlay
