// Whom a request is for.
#pragma once

#include <sys/socket.h>

#include <chrono>
#include <string>

namespace probe {

enum class Protocol { http, tcp, udp, ping };

struct Target {
  std::string host;       // a name or an address
  std::string port;       // empty: ping
  std::string path;       // of a URL, with its query
  std::string authority;  // of a URL: host and port as they were written

  // "http://web:80/x?y", "[fd00::1]:80", "192.168.1.1". Throws base::Error with the mend.
  static Target parse(Protocol protocol, const std::string& text);
};

struct Address {
  sockaddr_storage storage{};
  socklen_t length = 0;
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  int family() const { return storage.ss_family; }
};

// Asks /etc/hosts and the name servers anew each time. Throws RequestFailed, after PATIENCE at the latest.
Address resolve(const Target& target, Protocol protocol, std::chrono::milliseconds patience);

}  // namespace probe
