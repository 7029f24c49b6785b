// Addresses as values: IP, prefix and MAC, parsed from and written to the forms that people type.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace netlink {

// An IPv4 or IPv6 address, in network byte order.
class IpAddress {
 public:
  IpAddress() = default;  // 0.0.0.0
  // FAMILY is AF_INET or AF_INET6; BYTES are 4 or 16 in network byte order.
  IpAddress(int family, const void* bytes);

  // Strict: "10.0.0.1", "fd00::1"; no leading zeros, no scope. Nothing where TEXT is not an address.
  static std::optional<IpAddress> parse(std::string_view text);

  int family() const { return family_; }
  bool is_v6() const;
  const std::uint8_t* bytes() const { return bytes_.data(); }
  unsigned size() const { return is_v6() ? 16 : 4; }
  unsigned bits() const { return size() * 8; }
  bool is_unspecified() const;
  std::string to_string() const;
  // The address OFFSET further on; wraps around.
  IpAddress plus(std::uint64_t offset) const;

  auto operator<=>(const IpAddress&) const = default;

 private:
  int family_ = 2;  // AF_INET
  std::array<std::uint8_t, 16> bytes_{};
};

// An address with a prefix length; the host bits are kept ("10.0.0.1/24" stays what it is).
struct Prefix {
  IpAddress address;
  unsigned length = 0;

  // "10.0.0.0/24"; a bare address means its full length; "default" is 0.0.0.0/0.
  static std::optional<Prefix> parse(std::string_view text);

  // The same with the host bits cleared.
  Prefix network() const;
  // Of the parts of LENGTH that it can be cut into, the one with this NUMBER, from 0.
  Prefix part(unsigned part_length, std::uint64_t number) const;
  bool contains(const IpAddress& other) const;
  bool overlaps(const Prefix& other) const;
  bool is_default() const { return length == 0 && address.is_unspecified(); }
  std::string to_string() const;

  auto operator<=>(const Prefix&) const = default;
};

class MacAddress {
 public:
  MacAddress() = default;
  explicit MacAddress(std::array<std::uint8_t, 6> bytes) : bytes_(bytes) {}

  static std::optional<MacAddress> parse(std::string_view text);
  // A locally administered unicast address that depends on NAME alone, so that the same lab has the same MACs.
  static MacAddress derived_from(std::string_view name);

  const std::array<std::uint8_t, 6>& bytes() const { return bytes_; }
  std::string to_string() const;

  auto operator<=>(const MacAddress&) const = default;

 private:
  std::array<std::uint8_t, 6> bytes_{};
};

// "10.0.0.1:80", "[fd00::1]:80".
std::string endpoint_text(const IpAddress& address, std::uint16_t port);

// FNV-1a: stable across machines and versions, which std::hash is not.
std::uint64_t stable_hash(std::string_view text);

}  // namespace netlink
