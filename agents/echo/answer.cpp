#include "agents/echo/answer.h"

#include <unistd.h>

#include <boost/json/serialize.hpp>
#include <charconv>
#include <cstdint>
#include <initializer_list>

namespace echo {
namespace {

std::string host_name() {
  char name[256] = {};
  ::gethostname(name, sizeof name - 1);
  return name;
}

// The value of the first of these variables that has one.
std::string first_set(const Environment& environment, std::initializer_list<const char*> names) {
  for (const char* name : names) {
    const char* value = environment(name);
    if (value != nullptr && *value != '\0') return value;
  }
  return {};
}

std::string or_host_name(std::string name) {
  return name.empty() ? host_name() : name;
}

// The length of the UTF-8 sequence that TEXT begins with (RFC 3629, table of section 4); 0 where it begins with none.
size_t sequence_length(std::string_view text) {
  auto byte = [&](size_t at) { return at < text.size() ? static_cast<unsigned char>(text[at]) : 0u; };
  auto continues = [&](size_t at, unsigned low = 0x80, unsigned high = 0xbf) {
    return byte(at) >= low && byte(at) <= high;
  };
  unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) return continues(1) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    bool second = continues(1, first == 0xe0 ? 0xa0 : 0x80, first == 0xed ? 0x9f : 0xbf);
    return second && continues(2) ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    bool second = continues(1, first == 0xf0 ? 0x90 : 0x80, first == 0xf4 ? 0x8f : 0xbf);
    return second && continues(2) && continues(3) ? 4 : 0;
  }
  return 0;
}

// "[fd00::2]:80" → "fd00::2".
std::string address_of(std::string_view peer, size_t colon) {
  std::string_view address = peer.substr(0, colon);
  if (address.starts_with('[') && address.ends_with(']')) address = address.substr(1, address.size() - 2);
  return std::string(address);
}

}  // namespace

Identity identify(const std::string& name, const Environment& environment) {
  Identity identity;
  identity.server = name.empty() ? or_host_name(first_set(environment, {"POD_NAME"})) : name;
  identity.node = or_host_name(first_set(environment, {"NODE_NAME", "LABCTL_NODE"}));
  identity.namespace_name = first_set(environment, {"POD_NAMESPACE"});
  identity.ip = first_set(environment, {"POD_IP"});
  return identity;
}

boost::json::object describe(const Identity& identity, const std::string& peer, const std::string& local,
                             std::string_view protocol) {
  boost::json::object answer{{"server", identity.server}, {"node", identity.node}};
  if (!identity.namespace_name.empty()) answer["namespace"] = identity.namespace_name;
  if (!identity.ip.empty()) answer["ip"] = identity.ip;
  size_t colon = std::min(peer.rfind(':'), peer.size());
  uint16_t port = 0;
  std::from_chars(peer.data() + std::min(colon + 1, peer.size()), peer.data() + peer.size(), port);
  answer["client"] = address_of(peer, colon);
  answer["clientPort"] = port;
  answer["local"] = local;
  answer["protocol"] = protocol;
  return answer;
}

std::string to_line(const boost::json::object& answer) {
  return boost::json::serialize(answer) + "\n";
}

std::string printable(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    size_t length = sequence_length(text);
    length == 0 ? result.append("\xEF\xBF\xBD") : result.append(text.substr(0, length));
    text.remove_prefix(std::max<size_t>(length, 1));
  }
  return result;
}

}  // namespace echo
