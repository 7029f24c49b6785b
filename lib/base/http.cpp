#include "lib/base/http.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "lib/base/http_beast.h"

namespace base::http {
namespace {

bool unreserved(unsigned char c) {
  return std::isalnum(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

int hexadecimal_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

uint16_t parse_port(std::string_view text, std::string_view whole) {
  unsigned port = 0;
  auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (failure != std::errc() || end != text.data() + text.size() || port == 0 || port > 65535) {
    throw Error("\"" + std::string(whole) + "\" has no valid port");
  }
  return static_cast<uint16_t>(port);
}

template <class Map>
std::string first_value(const Map& map, std::string_view name) {
  auto found = map.find(name);
  return found == map.end() ? std::string() : found->second;
}

bool contains_token(std::string_view list, std::string_view token) {
  while (!list.empty()) {
    size_t comma = std::min(list.find(','), list.size());
    std::string_view item = list.substr(0, comma);
    while (!item.empty() && item.front() == ' ') item.remove_prefix(1);
    while (!item.empty() && item.back() == ' ') item.remove_suffix(1);
    if (item.size() == token.size() && ::strncasecmp(item.data(), token.data(), token.size()) == 0) return true;
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return false;
}

}  // namespace

bool CaseInsensitiveLess::operator()(std::string_view left, std::string_view right) const {
  int order = ::strncasecmp(left.data(), right.data(), std::min(left.size(), right.size()));
  return order != 0 ? order < 0 : left.size() < right.size();
}

std::string encode(std::string_view text) {
  static constexpr char digits[] = "0123456789ABCDEF";
  std::string encoded;
  for (unsigned char c : text) {
    if (unreserved(c)) {
      encoded += static_cast<char>(c);
    } else {
      encoded += {'%', digits[c >> 4], digits[c & 15]};
    }
  }
  return encoded;
}

std::string decode(std::string_view text) {
  std::string decoded;
  for (size_t at = 0; at < text.size(); ++at) {
    bool escape = text[at] == '%' && at + 2 < text.size() && hexadecimal_digit(text[at + 1]) >= 0 &&
                  hexadecimal_digit(text[at + 2]) >= 0;
    if (escape) {
      decoded += static_cast<char>(hexadecimal_digit(text[at + 1]) * 16 + hexadecimal_digit(text[at + 2]));
      at += 2;
    } else {
      decoded += text[at];
    }
  }
  return decoded;
}

std::string encode(const Query& query) {
  std::string encoded;
  for (const auto& [name, value] : query) {
    encoded += (encoded.empty() ? "" : "&") + encode(name) + "=" + encode(value);
  }
  return encoded;
}

Endpoint Endpoint::tcp(std::string address, uint16_t port) {
  return {std::move(address), port, {}};
}

Endpoint Endpoint::unix_socket(std::string path) {
  return {{}, 0, std::move(path)};
}

Endpoint Endpoint::parse(std::string_view text) {
  if (text.starts_with("unix:")) {
    std::string_view path = text.substr(5);
    if (path.starts_with("//")) path.remove_prefix(2);
    return unix_socket(std::string(path));
  }
  if (text.starts_with("/")) return unix_socket(std::string(text));
  std::string_view rest = text;
  bool has_scheme = rest.starts_with("http://");
  if (has_scheme) rest.remove_prefix(7);
  if (rest.find("://") != std::string_view::npos) {
    throw Error("\"" + std::string(text) + "\" is not an http:// or unix: address");
  }
  rest = rest.substr(0, rest.find('/'));
  if (rest.starts_with("[")) {
    size_t end = rest.find(']');
    if (end == std::string_view::npos) throw Error("\"" + std::string(text) + "\" lacks a ]");
    std::string address(rest.substr(1, end - 1));
    std::string_view port = rest.substr(end + 1);
    if (port.empty() && has_scheme) return tcp(address, 80);
    if (!port.starts_with(":")) throw Error("\"" + std::string(text) + "\" has no valid port");
    return tcp(address, parse_port(port.substr(1), text));
  }
  size_t colon = rest.rfind(':');
  if (colon == std::string_view::npos) {
    if (!has_scheme || rest.empty()) throw Error("\"" + std::string(text) + "\" has no valid port");
    return tcp(std::string(rest), 80);
  }
  if (colon == 0) throw Error("\"" + std::string(text) + "\" names no host");
  return tcp(std::string(rest.substr(0, colon)), parse_port(rest.substr(colon + 1), text));
}

std::string Endpoint::text() const {
  if (is_unix()) return "unix:" + path;
  bool ipv6 = address.find(':') != std::string::npos;
  return "http://" + (ipv6 ? "[" + address + "]" : address) + ":" + std::to_string(port);
}

std::vector<std::string> Request::segments() const {
  std::vector<std::string> result;
  std::string_view rest = std::string_view(target).substr(0, target.find('?'));
  while (!rest.empty()) {
    size_t slash = std::min(rest.find('/'), rest.size());
    if (slash > 0) result.push_back(decode(rest.substr(0, slash)));
    rest.remove_prefix(std::min(slash + 1, rest.size()));
  }
  return result;
}

std::string Request::parameter(std::string_view name) const {
  return first_value(query, name);
}

bool Request::has_parameter(std::string_view name) const {
  return query.find(name) != query.end();
}

std::string Request::header(std::string_view name) const {
  return first_value(headers, name);
}

bool Request::is_websocket_upgrade() const {
  return contains_token(header("Connection"), "upgrade") && contains_token(header("Upgrade"), "websocket");
}

std::string Response::header(std::string_view name) const {
  return first_value(headers, name);
}

const Response& Outcome::value() const {
  if (error) throw *error;
  return *response;
}

namespace detail {

std::vector<Protocol::endpoint> resolve(const Endpoint& endpoint) {
  if (endpoint.is_unix()) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (endpoint.path.size() >= sizeof address.sun_path) {
      throw Error("socket path " + endpoint.path + ": longer than the " + std::to_string(sizeof address.sun_path - 1) +
                  " bytes that the kernel allows");
    }
    std::memcpy(address.sun_path, endpoint.path.data(), endpoint.path.size());
    return {Protocol::endpoint(&address, sizeof address)};
  }
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  int failure = ::getaddrinfo(endpoint.address.c_str(), std::to_string(endpoint.port).c_str(), &hints, &found);
  if (failure != 0) throw Error("look up " + endpoint.address + ": " + ::gai_strerror(failure));
  std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> guard(found, &::freeaddrinfo);
  std::vector<Protocol::endpoint> result;
  for (addrinfo* at = found; at != nullptr; at = at->ai_next)
    result.emplace_back(at->ai_addr, at->ai_addrlen, IPPROTO_TCP);
  return result;
}

FileDescriptor open_socket(const Protocol::endpoint& address) {
  int family = address.data()->sa_family;
  FileDescriptor socket(check_system("open a socket", ::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)));
  if (family != AF_UNIX) tune(socket.get());
  return socket;
}

void tune(int descriptor) {
  auto set = [descriptor](int level, int option, int value) {
    ::setsockopt(descriptor, level, option, &value, sizeof value);
  };
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_NODELAY, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, 5);
  set(IPPROTO_TCP, TCP_KEEPINTVL, 3);
  set(IPPROTO_TCP, TCP_KEEPCNT, 3);
  set(IPPROTO_TCP, TCP_USER_TIMEOUT, 15000);
}

Error to_error(const std::string& doing, const error_code& code) {
  if (code.category() == boost::system::system_category()) return Error::system(doing, code.value());
  if (code == beast::error::timeout) return Error::system(doing, ETIMEDOUT);
  return Error(doing + ": " + code.message());
}

Headers copy_headers(const beast::http::fields& fields) {
  Headers headers;
  for (const auto& field : fields) headers.emplace(std::string(field.name_string()), std::string(field.value()));
  return headers;
}

}  // namespace detail
}  // namespace base::http
