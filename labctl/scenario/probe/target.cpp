#include "labctl/scenario/probe/target.h"

#include <netdb.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "labctl/scenario/probe/outcome.h"
#include "lib/base/error.h"

namespace probe {
namespace {

// "HOST:PORT", "HOST", "[ADDRESS]:PORT"; an IPv6 address without brackets has no port.
void split_port(const std::string& text, Target& target) {
  size_t bracket = text.starts_with('[') ? text.find(']') : std::string::npos;
  size_t colon = text.rfind(':');
  if (bracket != std::string::npos) {
    target.host = text.substr(1, bracket - 1);
    if (colon == bracket + 1) target.port = text.substr(colon + 1);
  } else if (colon == text.find(':') && colon != std::string::npos) {
    target.host = text.substr(0, colon);
    target.port = text.substr(colon + 1);
  } else {
    target.host = text;
  }
}

bool is_port(const std::string& text) {
  bool digits = !text.empty() && text.size() <= 5 && text.find_first_not_of("0123456789") == std::string::npos;
  return digits && std::stoi(text) >= 1 && std::stoi(text) <= 65535;
}

}  // namespace

Target Target::parse(Protocol protocol, const std::string& text) {
  Target target;
  std::string rest = text;
  if (protocol == Protocol::http) {
    const std::string scheme = "http://";
    if (!text.starts_with(scheme)) throw base::Error("\"" + text + "\" is no URL").with_mend("http://HOST:PORT/PATH");
    rest = text.substr(scheme.size());
    size_t slash = std::min(rest.find_first_of("/?"), rest.size());
    target.path = rest.substr(slash, rest.find('#') - slash);
    if (!target.path.starts_with('/')) target.path.insert(0, "/");
    rest.resize(slash);
    target.authority = rest;
  }
  split_port(rest, target);
  if (protocol == Protocol::http && target.port.empty()) target.port = "80";
  if (target.host.empty()) throw base::Error("\"" + text + "\" names no host");
  if (protocol != Protocol::ping && !is_port(target.port)) throw base::Error("\"" + text + "\" has no port");
  if (protocol == Protocol::ping && !target.port.empty()) throw base::Error("\"" + text + "\": a ping has no port");
  return target;
}

Address resolve(const Target& target, Protocol protocol, std::chrono::milliseconds patience) {
  // The resolver of libc reads its patience from here (resolv.conf(5)).
  auto seconds = std::max<std::chrono::milliseconds::rep>(1, patience.count() / 1000);
  ::setenv("RES_OPTIONS", ("attempts:1 timeout:" + std::to_string(seconds)).c_str(), 1);
  addrinfo hints{}, *found = nullptr;
  hints.ai_socktype = protocol == Protocol::http || protocol == Protocol::tcp ? SOCK_STREAM : SOCK_DGRAM;
  const char* port = target.port.empty() ? nullptr : target.port.c_str();
  int failure = ::getaddrinfo(target.host.c_str(), port, &hints, &found);
  if (failure == EAI_SYSTEM) throw RequestFailed::system("look up " + target.host, errno);
  if (failure != 0) throw RequestFailed{Failure::other, "look up " + target.host + ": " + ::gai_strerror(failure)};
  Address address;
  std::memcpy(&address.storage, found->ai_addr, found->ai_addrlen);
  address.length = found->ai_addrlen;
  ::freeaddrinfo(found);
  return address;
}

}  // namespace probe
