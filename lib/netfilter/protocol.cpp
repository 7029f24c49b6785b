#include "lib/netfilter/protocol.h"

#include <strings.h>

#include <array>

namespace netfilter {
namespace {

struct Name {
  Protocol protocol;
  const char* lower;
  const char* upper;
};

constexpr std::array<Name, 3> names{{
    {Protocol::tcp, "tcp", "TCP"},
    {Protocol::udp, "udp", "UDP"},
    {Protocol::sctp, "sctp", "SCTP"},
}};

const Name& name_of(Protocol protocol) {
  for (const Name& name : names) {
    if (name.protocol == protocol) return name;
  }
  return names[0];
}

}  // namespace

std::optional<Protocol> parse_protocol(std::string_view text) {
  for (const Name& name : names) {
    if (text.size() == std::string_view(name.lower).size() &&
        ::strncasecmp(text.data(), name.lower, text.size()) == 0) {
      return name.protocol;
    }
  }
  return std::nullopt;
}

std::string lower_case(Protocol protocol) {
  return name_of(protocol).lower;
}
std::string upper_case(Protocol protocol) {
  return name_of(protocol).upper;
}

}  // namespace netfilter
