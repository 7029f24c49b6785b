#include "labctl/scenario/probe/dns.h"

#include <ldns/ldns.h>
#include <sys/socket.h>

#include <cstdlib>
#include <fstream>
#include <memory>
#include <sstream>

#include "labctl/scenario/probe/connection.h"
#include "labctl/scenario/probe/target.h"
#include "lib/base/error.h"
#include "lib/base/socket_address.h"

namespace probe {
namespace {

struct Free {
  void operator()(ldns_pkt* packet) const { ldns_pkt_free(packet); }
  void operator()(ldns_rdf* data) const { ldns_rdf_deep_free(data); }
  void operator()(char* text) const { std::free(text); }
};
using Packet = std::unique_ptr<ldns_pkt, Free>;
using Data = std::unique_ptr<ldns_rdf, Free>;

// RFC 1035, section 4.1.1: the bits that the answer is looked up for, and that a recursive server is asked to recurse.
constexpr std::uint16_t recursion_desired = LDNS_RD;
constexpr size_t largest_message = 65535;

std::string first_server() {
  std::ifstream file("/etc/resolv.conf");
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string key, address;
    if (words >> key >> address && key == "nameserver") return address;
  }
  throw RequestFailed{Failure::other, "/etc/resolv.conf names no server"};
}

// The name that has the PTR record of an address (RFC 1035, 3.5; RFC 3596, 2.5).
Data reverse_name(const std::string& address) {
  ldns_rdf* data = nullptr;
  bool v6 = address.find(':') != std::string::npos;
  ldns_status status = v6 ? ldns_str2rdf_aaaa(&data, address.c_str()) : ldns_str2rdf_a(&data, address.c_str());
  Data owned(data);
  return Data(status == LDNS_STATUS_OK ? ldns_rdf_address_reverse(data) : nullptr);
}

Packet query_of(const Question& question) {
  ldns_rr_type type = ldns_get_rr_type_by_name(question.type.c_str());
  if (type == 0) throw base::Error("\"" + question.type + "\" is no type of records");
  Data name;
  if (type == LDNS_RR_TYPE_PTR) name = reverse_name(question.name);
  if (!name) name.reset(ldns_dname_new_frm_str(question.name.c_str()));
  if (!name) throw base::Error("\"" + question.name + "\" is no domain name");
  Packet query(ldns_pkt_query_new(name.release(), type, LDNS_RR_CLASS_IN, recursion_desired));
  if (!query) throw base::Error("make a query for " + question.name);
  ldns_pkt_set_random_id(query.get());
  return query;
}

std::string wire_of(const Packet& query) {
  std::uint8_t* bytes = nullptr;
  size_t size = 0;
  if (ldns_pkt2wire(&bytes, query.get(), &size) != LDNS_STATUS_OK) throw base::Error("write a query");
  std::string wire(reinterpret_cast<const char*>(bytes), size);
  std::free(bytes);
  return wire;
}

Packet parse(const std::string& wire) {
  ldns_pkt* packet = nullptr;
  ldns_status status = ldns_wire2pkt(&packet, reinterpret_cast<const std::uint8_t*>(wire.data()), wire.size());
  if (status == LDNS_STATUS_OK) return Packet(packet);
  throw RequestFailed{Failure::other, std::string("the answer is no DNS: ") + ldns_get_errorstr_by_id(status)};
}

// What is no answer to this query is somebody else's.
bool answers(const ldns_pkt* answer, const ldns_pkt* query) {
  return ldns_pkt_qr(answer) && ldns_pkt_id(answer) == ldns_pkt_id(query);
}

Packet ask_by_udp(Connection& connection, const Packet& query) {
  connection.connect();
  connection.send(wire_of(query));
  for (;;) {
    Packet answer = parse(connection.receive(largest_message));
    if (answers(answer.get(), query.get())) return answer;
  }
}

std::string receive_exactly(Connection& connection, size_t size) {
  std::string data;
  while (data.size() < size) {
    std::string more = connection.receive(size - data.size());
    if (more.empty()) throw RequestFailed{Failure::reset, "the server ended the connection in the middle"};
    data += more;
  }
  return data;
}

// RFC 1035, section 4.2.2: a message comes after its length.
Packet ask_by_tcp(Connection& connection, const Packet& query) {
  connection.connect();
  std::string wire = wire_of(query);
  connection.send(std::string{static_cast<char>(wire.size() >> 8), static_cast<char>(wire.size() & 0xff)} + wire);
  std::string length = receive_exactly(connection, 2);
  size_t size = static_cast<size_t>(static_cast<unsigned char>(length[0])) << 8 | static_cast<unsigned char>(length[1]);
  Packet answer = parse(receive_exactly(connection, size));
  if (!answers(answer.get(), query.get())) throw RequestFailed{Failure::other, "the answer is to another query"};
  return answer;
}

std::string data_of(const ldns_rr* record) {
  std::string text;
  for (size_t i = 0; i < ldns_rr_rd_count(record); ++i) {
    std::unique_ptr<char, Free> word(ldns_rdf2str(ldns_rr_rdf(record, i)));
    if (word) text += (text.empty() ? "" : " ") + std::string(word.get());
  }
  return text;
}

// The records of the type that was asked for; those that lead there (CNAME) stand beside them.
std::string records_of(const Packet& answer, ldns_rr_type type) {
  std::string text;
  const ldns_rr_list* section = ldns_pkt_answer(answer.get());
  for (size_t i = 0; i < ldns_rr_list_rr_count(section); ++i) {
    const ldns_rr* record = ldns_rr_list_rr(section, i);
    if (ldns_rr_get_type(record) == type) text += (text.empty() ? "" : "\n") + data_of(record);
  }
  return text;
}

void judge(const Packet& answer, ldns_rr_type type, Outcome& outcome) {
  switch (ldns_pkt_get_rcode(answer.get())) {
    case LDNS_RCODE_NOERROR:
      outcome.body = records_of(answer, type);
      // RFC 2308, section 2.2
      if (outcome.body.empty()) throw RequestFailed{Failure::nodata, "the name has no records of this type"};
      return;
    case LDNS_RCODE_NXDOMAIN:
      throw RequestFailed{Failure::nxdomain, "there is no such name"};
    case LDNS_RCODE_SERVFAIL:
      throw RequestFailed{Failure::servfail, "the server failed"};
    case LDNS_RCODE_REFUSED:
      throw RequestFailed{Failure::refused, "the server refuses to answer"};
    default:
      throw RequestFailed{Failure::other,
                          "response code " + std::to_string(static_cast<int>(ldns_pkt_get_rcode(answer.get())))};
  }
}

// "10.0.0.1", "10.0.0.1:5353", "[fd00::1]:53", "fd00::1"
Target server_target(const std::string& text) {
  bool has_port = text.starts_with('[') ? text.find("]:") != std::string::npos
                                        : text.find(':') != std::string::npos && text.find(':') == text.rfind(':');
  bool bare_v6 = !text.starts_with('[') && text.find(':') != text.rfind(':');
  return Target::parse(Protocol::udp, has_port ? text : (bare_v6 ? "[" + text + "]" : text) + ":53");
}

}  // namespace

Outcome ask(const Question& question, std::chrono::milliseconds timeout) {
  Packet query = query_of(question);
  ldns_rr_type type = ldns_get_rr_type_by_name(question.type.c_str());
  Outcome outcome;
  Clock::time_point begin = Clock::now();
  try {
    Target target = server_target(question.server.empty() ? first_server() : question.server);
    Address peer = resolve(target, Protocol::udp, timeout);
    outcome.remote = base::SocketAddress::of(peer.get()).text();
    Connection datagrams(SOCK_DGRAM, 0, peer, begin + timeout);
    Packet answer = ask_by_udp(datagrams, query);
    if (ldns_pkt_tc(answer.get())) {
      Connection stream(SOCK_STREAM, 0, peer, begin + timeout);
      answer = ask_by_tcp(stream, query);
    }
    judge(answer, type, outcome);
  } catch (const RequestFailed& failed) {
    outcome.failure = failed.failure;
    outcome.words = failed.words;
  }
  outcome.milliseconds = std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
  return outcome;
}

}  // namespace probe
