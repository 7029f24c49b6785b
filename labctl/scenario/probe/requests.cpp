#include "labctl/scenario/probe/requests.h"

#include <sys/socket.h>

#include <cerrno>

#include "labctl/scenario/probe/connection.h"
#include "labctl/scenario/probe/http_answer.h"
#include "labctl/scenario/probe/ping.h"
#include "lib/base/error.h"
#include "lib/base/socket_address.h"

namespace probe {
namespace {

constexpr size_t largest_datagram = 65536;

void talk_http(Connection& connection, const Target& target, const RequestOptions& options, Outcome& outcome) {
  connection.send("GET " + target.path + " HTTP/1.1\r\nHost: " + target.authority +
                  "\r\nUser-Agent: labctl-probe\r\nAccept: */*\r\nConnection: close\r\n\r\n");
  HttpAnswer answer(options.body_limit);
  while (!answer.complete()) {
    std::string data = connection.receive(size_t{64} * 1024);
    data.empty() ? answer.end() : answer.feed(data);
  }
  outcome.status = answer.status();
  outcome.body = answer.body();
  outcome.truncated = answer.truncated();
}

void talk_tcp(Connection& connection, const RequestOptions& options, Outcome& outcome) {
  if (!options.read_line) return;
  while (outcome.body.find('\n') == std::string::npos && outcome.body.size() < options.body_limit) {
    std::string data = connection.receive(options.body_limit - outcome.body.size());
    if (data.empty()) break;
    outcome.body += data;
  }
  outcome.body.resize(std::min(outcome.body.find('\n'), outcome.body.size()));
}

void talk_udp(Connection& connection, const RequestOptions& options, Outcome& outcome) {
  connection.send("labctl probe\n");
  outcome.body = connection.receive(largest_datagram);
  outcome.truncated = outcome.body.size() > options.body_limit;
  if (outcome.truncated) outcome.body.resize(options.body_limit);
}

void talk(Protocol protocol, Connection& connection, const Target& target, const RequestOptions& options,
          Outcome& outcome) {
  switch (protocol) {
    case Protocol::http:
      return talk_http(connection, target, options, outcome);
    case Protocol::tcp:
      return talk_tcp(connection, options, outcome);
    case Protocol::udp:
      return talk_udp(connection, options, outcome);
    case Protocol::ping:
      return exchange_echo(connection);
  }
}

Connection open(Protocol protocol, const Address& peer, Clock::time_point deadline) {
  if (protocol == Protocol::ping) return open_icmp(peer, deadline);
  bool stream = protocol == Protocol::http || protocol == Protocol::tcp;
  return Connection(stream ? SOCK_STREAM : SOCK_DGRAM, 0, peer, deadline);
}

// ICMP has no ports: what a raw socket says of its port means something else.
std::string shown(Protocol protocol, const base::SocketAddress& address) {
  return protocol == Protocol::ping ? address.address : address.text();
}

}  // namespace

Outcome make_request(Protocol protocol, const Target& target, const RequestOptions& options) {
  Outcome outcome;
  Clock::time_point begin = Clock::now();
  try {
    Address peer = resolve(target, protocol, options.timeout);
    outcome.remote = shown(protocol, base::SocketAddress::of(peer.get()));
    Connection connection = open(protocol, peer, begin + options.timeout);
    try {
      connection.connect();
      outcome.local = shown(protocol, base::SocketAddress::local(connection.descriptor()));
      talk(protocol, connection, target, options, outcome);
    } catch (const RequestFailed&) {
      if (outcome.local.empty()) outcome.local = connection.local();
      throw;
    }
  } catch (const RequestFailed& failed) {
    outcome.failure = failed.failure;
    outcome.words = failed.words;
  }
  outcome.milliseconds = std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
  return outcome;
}

}  // namespace probe
