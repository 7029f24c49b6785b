#include "lib/netlink/address.h"

#include <arpa/inet.h>
#include <fmt/core.h>
#include <sys/socket.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace netlink {
namespace {

std::optional<unsigned> parse_number(std::string_view text, unsigned maximum) {
  unsigned value = 0;
  auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end != text.data() + text.size() || value > maximum) return std::nullopt;
  if (text.size() > 1 && text.front() == '0') return std::nullopt;
  return value;
}

}  // namespace

IpAddress::IpAddress(int family, const void* bytes) : family_(family) {
  std::memcpy(bytes_.data(), bytes, size());
}

bool IpAddress::is_v6() const {
  return family_ == AF_INET6;
}

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  if (text.find('\0') != std::string_view::npos) return std::nullopt;
  std::string copy(text);
  int family = copy.find(':') == std::string::npos ? AF_INET : AF_INET6;
  std::uint8_t bytes[16];
  if (inet_pton(family, copy.c_str(), bytes) != 1) return std::nullopt;
  return IpAddress(family, bytes);
}

bool IpAddress::is_unspecified() const {
  return std::all_of(bytes_.begin(), bytes_.end(), [](std::uint8_t byte) { return byte == 0; });
}

std::string IpAddress::to_string() const {
  char text[INET6_ADDRSTRLEN];
  return inet_ntop(family_, bytes_.data(), text, sizeof text);
}

IpAddress IpAddress::plus(std::uint64_t offset) const {
  IpAddress sum(*this);
  std::uint64_t carry = offset;
  for (int i = static_cast<int>(size()) - 1; i >= 0 && carry != 0; --i) {
    carry += sum.bytes_[static_cast<size_t>(i)];
    sum.bytes_[static_cast<size_t>(i)] = static_cast<std::uint8_t>(carry);
    carry >>= 8;
  }
  return sum;
}

std::optional<Prefix> Prefix::parse(std::string_view text) {
  if (text == "default") return Prefix{};
  size_t slash = text.find('/');
  std::optional<IpAddress> address = IpAddress::parse(text.substr(0, slash));
  if (!address) return std::nullopt;
  if (slash == std::string_view::npos) return Prefix{*address, address->bits()};
  std::optional<unsigned> length = parse_number(text.substr(slash + 1), address->bits());
  if (!length) return std::nullopt;
  return Prefix{*address, *length};
}

Prefix Prefix::network() const {
  std::array<std::uint8_t, 16> bytes{};
  for (unsigned i = 0; i < address.size(); ++i) {
    unsigned kept = length > i * 8 ? std::min(8u, length - i * 8) : 0;
    bytes[i] = static_cast<std::uint8_t>(address.bytes()[i] & (0xff00u >> kept));
  }
  return Prefix{IpAddress(address.family(), bytes.data()), length};
}

// The number stands in the bits between the two lengths.
Prefix Prefix::part(unsigned part_length, std::uint64_t number) const {
  std::array<std::uint8_t, 16> bytes{};
  std::copy_n(network().address.bytes(), address.size(), bytes.begin());
  for (unsigned bit = part_length; number != 0 && bit > 0; number >>= 1) {
    --bit;
    if (number & 1) bytes[bit / 8] = static_cast<std::uint8_t>(bytes[bit / 8] | (0x80u >> (bit % 8)));
  }
  return Prefix{IpAddress(address.family(), bytes.data()), part_length};
}

bool Prefix::contains(const IpAddress& other) const {
  return other.family() == address.family() && Prefix{other, length}.network().address == network().address;
}

bool Prefix::overlaps(const Prefix& other) const {
  return length <= other.length ? contains(other.address) : other.contains(address);
}

std::string Prefix::to_string() const {
  return address.to_string() + "/" + std::to_string(length);
}

std::optional<MacAddress> MacAddress::parse(std::string_view text) {
  std::array<std::uint8_t, 6> bytes{};
  if (text.size() != 17) return std::nullopt;
  for (size_t i = 0; i < 6; ++i) {
    const char* first = text.data() + i * 3;
    auto [end, failure] = std::from_chars(first, first + 2, bytes[i], 16);
    if (failure != std::errc() || end != first + 2) return std::nullopt;
    if (i < 5 && first[2] != ':') return std::nullopt;
  }
  return MacAddress(bytes);
}

MacAddress MacAddress::derived_from(std::string_view name) {
  std::uint64_t hash = stable_hash(name);
  std::array<std::uint8_t, 6> bytes;
  for (std::uint8_t& byte : bytes) {
    byte = static_cast<std::uint8_t>(hash);
    hash >>= 8;
  }
  bytes[0] = static_cast<std::uint8_t>((bytes[0] & 0xfc) | 0x02);
  return MacAddress(bytes);
}

std::string MacAddress::to_string() const {
  return fmt::format("{:02x}:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}", bytes_[0], bytes_[1], bytes_[2], bytes_[3], bytes_[4],
                     bytes_[5]);
}

std::string endpoint_text(const IpAddress& address, std::uint16_t port) {
  return address.is_v6() ? fmt::format("[{}]:{}", address.to_string(), port)
                         : fmt::format("{}:{}", address.to_string(), port);
}

std::uint64_t stable_hash(std::string_view text) {
  std::uint64_t hash = 14695981039346656037ull;
  for (char character : text) {
    hash ^= static_cast<std::uint8_t>(character);
    hash *= 1099511628211ull;
  }
  return hash;
}

}  // namespace netlink
