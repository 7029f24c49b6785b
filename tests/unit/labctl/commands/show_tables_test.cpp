#include "labctl/commands/show_tables.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <sstream>

namespace commands {
namespace {

using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

std::string shown(void (*print)(const boost::json::object&, std::ostream&), const std::string& table) {
  std::ostringstream out;
  print(boost::json::parse(table).as_object(), out);
  return out.str();
}

constexpr const char* entry_of_a_director = R"({"entries":[{"protocol":6,"state":"ESTABLISHED","timeoutSeconds":431999,
  "original":{"source":"192.168.113.102","destination":"10.10.0.1","sourcePort":35562,"destinationPort":8410},
  "reply":{"source":"192.168.113.99","destination":"192.168.113.101","sourcePort":8080,"destinationPort":35562},
  "replied":true,"assured":true,"mark":7,"uses":1}]})";

TEST(ShowTables, EveryFieldOfAConnectionHasItsName) {
  EXPECT_EQ(shown(print_conntrack, entry_of_a_director),
            "tcp  state ESTABLISHED\n"
            "  original  source 192.168.113.102:35562, destination 10.10.0.1:8410\n"
            "  reply     source 192.168.113.99:8080, destination 192.168.113.101:35562\n"
            "  rewriting its destination 10.10.0.1:8410 is rewritten to 192.168.113.99:8080 (DNAT); its source "
            "192.168.113.102:35562 is rewritten to 192.168.113.101:35562 (SNAT)\n"
            "  status    [ASSURED]: kept when the table is full\n"
            "  timeout   431999 s: forgotten then, unless a packet comes\n"
            "  mark      7\n"
            "  use       1: references that the kernel holds\n");
}

TEST(ShowTables, WhatIsNotRewrittenIsNotSaidToBe) {
  std::string said = shown(print_conntrack, R"({"entries":[{"protocol":17,"state":"","timeoutSeconds":29,
    "original":{"source":"fd00::1","destination":"fd00::2","sourcePort":4000,"destinationPort":53},
    "reply":{"source":"fd00::2","destination":"fd00::1","sourcePort":53,"destinationPort":4000},
    "replied":false,"assured":false,"mark":0,"uses":1}]})");
  EXPECT_THAT(said, testing::StartsWith("udp\n  original  source [fd00::1]:4000, destination [fd00::2]:53\n"));
  EXPECT_THAT(said, HasSubstr("[UNREPLIED]: no packet has come back"));
  EXPECT_THAT(said, Not(HasSubstr("rewriting")));
}

TEST(ShowTables, ServersStandWithWhatTheyHaveCounted) {
  std::string said = shown(print_ipvs, R"({"services":[{"protocol":"tcp","address":"10.10.0.1","port":8410,"fwmark":0,
    "scheduler":"rr","flags":0,"persistenceSeconds":0,"connections":4,"packetsIn":20,"bytesIn":1200,"packetsOut":16,
    "bytesOut":2000,"servers":[{"address":"192.168.113.99","port":8080,"forwarding":"nat","weight":1,"active":1,
    "inactive":2,"connections":3,"packetsIn":10,"bytesIn":600,"packetsOut":8,"bytesOut":1000}]}]})");
  EXPECT_THAT(said, HasSubstr("virtual service tcp://10.10.0.1:8410, scheduler rr\n  4 connections, 20 packets (1200 "
                              "bytes) in, 16 packets (2000 bytes) out\n"));
  EXPECT_THAT(said, ContainsRegex("SERVER +FORWARDING +WEIGHT +ACTIVE +INACTIVE +CONNECTIONS"));
  EXPECT_THAT(said, ContainsRegex("192.168.113.99:8080 +nat +1 +1 +2 +3 +10 +600 +8 +1000"));
  EXPECT_EQ(shown(print_ipvs, R"({"services":[]})"), "no virtual service\n");
}

TEST(ShowTables, RulesStandWithTheirCounters) {
  std::string said = shown(print_rules, R"({"tables":[{"table":"nat","rules":[{"family":"inet","chain":"POSTROUTING",
    "rule":"-o wan -j MASQUERADE","packets":3,"bytes":180}]},{"table":"filter","rules":[]}],"ruleset":"table ip x {\n}\n"})");
  EXPECT_THAT(said, ContainsRegex("nat +inet +POSTROUTING +3 +180 +-o wan -j MASQUERADE"));
  EXPECT_THAT(said, HasSubstr("ruleset of nftables"));
  EXPECT_THAT(said, HasSubstr("table ip x {\n}\n"));
  EXPECT_EQ(shown(print_rules, R"({"tables":[],"ruleset":""})"), "no rule of iptables\n");
}

TEST(ShowTables, RoutesStandWithTheRulesThatChooseTheirTables) {
  std::string said =
      shown(print_routes, R"({"rules":[{"family":"inet","priority":100,"line":"100: from all fwmark 0x1 lookup 100"}],
    "routes":[{"family":"inet","type":"unicast","destination":"default","via":"10.0.0.9","link":"lan","nextHops":[],
    "table":"100","protocol":"static","scope":"global","source":null,"metric":5,"mtu":null,"onlink":true,"flags":[]}]})");
  EXPECT_THAT(said, ContainsRegex("100 +inet +from all fwmark 0x1 lookup 100"));
  EXPECT_THAT(said, ContainsRegex("100 +default +10.0.0.9 .onlink. +lan +- +static +global +5 +unicast"));
}

TEST(ShowTables, ALinkStandsWithItsDetails) {
  std::string said =
      shown(print_links, R"({"links":[{"name":"vx0","kind":"vxlan","details":{"id":"42","local":"10.0.0.1"},
    "mac":"02:00:00:00:00:01","mtu":1450,"master":"br0","up":true,"state":"UNKNOWN","carrier":true,"flags":["BROADCAST"],
    "qdisc":"noqueue","received":{"packets":1,"bytes":60,"errors":0,"dropped":2},"sent":{"packets":3,"bytes":180,"errors":0,"dropped":0}}]})");
  EXPECT_EQ(said,
            "link vx0, kind vxlan\n  set       up, state UNKNOWN, with carrier\n  MAC       02:00:00:00:00:01\n"
            "  MTU       1450\n  port of   br0\n  details   id 42, local 10.0.0.1\n  qdisc     noqueue\n"
            "  flags     BROADCAST\n  received  1 packets, 60 bytes, 2 dropped\n  sent      3 packets, 180 bytes\n");
}

TEST(ShowTables, AForwardingEntrySaysWhereItIsFrom) {
  std::string said = shown(print_forwarding,
                           R"({"entries":[{"mac":"02:00:00:00:00:01","link":"vx0","master":"","destination":"10.0.0.2",
    "vlan":null,"learned":false,"local":false,"state":"PERMANENT"},{"mac":"02:00:00:00:00:02","link":"p1","master":"br0",
    "destination":null,"vlan":5,"learned":true,"local":false,"state":"REACHABLE"}]})");
  EXPECT_THAT(said, ContainsRegex("02:00:00:00:00:01 +vx0 +- +10.0.0.2 +- +set +PERMANENT"));
  EXPECT_THAT(said, ContainsRegex("02:00:00:00:00:02 +p1 +br0 +- +5 +learned +REACHABLE"));
}

}  // namespace
}  // namespace commands
