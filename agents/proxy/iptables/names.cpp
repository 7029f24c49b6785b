#include "agents/proxy/iptables/names.h"

#include <nettle/sha2.h>

#include <array>
#include <cstdint>

namespace proxy::iptables {
namespace {

constexpr size_t hash_length = 16;

// The first characters of the SHA-256 in base32 (RFC 4648, section 6): 5 bits each.
std::string hash(const std::string& text) {
  sha256_ctx context;
  std::array<std::uint8_t, SHA256_DIGEST_SIZE> digest{};
  sha256_init(&context);
  sha256_update(&context, text.size(), reinterpret_cast<const std::uint8_t*>(text.data()));
  sha256_digest(&context, digest.size(), digest.data());
  std::string encoded;
  for (size_t bit = 0; encoded.size() < hash_length; bit += 5) {
    unsigned pair = digest[bit / 8] << 8 | digest[bit / 8 + 1];
    encoded += "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[pair >> (11 - bit % 8) & 31];
  }
  return encoded;
}

std::string of_port(const char* prefix, const ServicePort& port) {
  return prefix + hash(port.name + netfilter::lower_case(port.protocol));
}

}  // namespace

std::string place(const Endpoint& endpoint) {
  return netlink::endpoint_text(endpoint.address, endpoint.port);
}

std::string cluster_chain(const ServicePort& port) {
  return of_port("KUBE-SVC-", port);
}
std::string local_chain(const ServicePort& port) {
  return of_port("KUBE-SVL-", port);
}
std::string external_chain(const ServicePort& port) {
  return of_port("KUBE-EXT-", port);
}
std::string firewall_chain(const ServicePort& port) {
  return of_port("KUBE-FW-", port);
}
std::string endpoint_chain(const ServicePort& port, const Endpoint& endpoint) {
  return "KUBE-SEP-" + hash(port.name + netfilter::lower_case(port.protocol) + place(endpoint));
}

const std::vector<std::string>& chain_prefixes() {
  static const std::vector<std::string> prefixes{"KUBE-SVC-", "KUBE-SVL-", "KUBE-EXT-", "KUBE-FW-", "KUBE-SEP-"};
  return prefixes;
}

}  // namespace proxy::iptables
