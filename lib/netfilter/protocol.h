// The transport protocols that IPVS, ipset and connection tracking know alike.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace netfilter {

// The values are those of the IP header.
enum class Protocol : std::uint8_t { tcp = 6, udp = 17, sctp = 132 };

// "tcp", in any case; nothing where TEXT is none of the three.
std::optional<Protocol> parse_protocol(std::string_view text);
std::string lower_case(Protocol protocol);  // "tcp", as ipset and iptables write it
std::string upper_case(Protocol protocol);  // "TCP", as ipvsadm and Kubernetes write it

}  // namespace netfilter
