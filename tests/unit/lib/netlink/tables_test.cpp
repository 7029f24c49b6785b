// The kernel's tables, against what ip(8) has put there and prints of it.
#include "lib/netlink/tables.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "lib/base/error.h"
#include "lib/base/run.h"
#include "tests/unit/private_network.h"

namespace {

using namespace netlink;
using testing::Contains;

class Tables : public PrivateNetwork {
 protected:
  void SetUp() override {
    PrivateNetwork::SetUp();
    if (IsSkipped()) return;
    socket_.emplace();
    ip("link add lan type veth peer name far");
    ip("link set far up");
    ip("link set lan up");
    ip("addr add 10.0.0.1/24 dev lan");
    ip("addr add fd00::1/64 dev lan nodad");
  }
  static void ip(const std::string& words) { base::run_checked({"sh", "-c", "ip " + words}); }
  // False where the kernel has no such thing.
  static bool can(const std::string& words) { return base::run_command({"sh", "-c", "ip " + words}).exit_code == 0; }

  LinkRow link(const std::string& name) {
    for (const LinkRow& row : read_links(*socket_)) {
      if (row.name == name) return row;
    }
    throw base::Error("no link " + name);
  }
  std::vector<std::string> route_lines() {
    std::vector<std::string> lines;
    for (const RouteRow& row : read_routes(*socket_)) lines.push_back(row.line());
    return lines;
  }
  // Lines of a command, without what ip(8) writes at the end of each: spaces, and "pref medium" of IPv6.
  static std::vector<std::string> lines_of(const std::string& words) {
    std::string text = base::run_checked({"sh", "-c", "ip " + words});
    std::vector<std::string> lines;
    for (std::size_t at = 0; at < text.size();) {
      std::size_t end = text.find('\n', at);
      std::string line = text.substr(at, end - at);
      at = end + 1;
      std::size_t preference = line.find(" pref medium");
      if (preference != std::string::npos) line.erase(preference);
      std::replace(line.begin(), line.end(), '\t', ' ');
      line.erase(line.find_last_not_of(' ') + 1);
      lines.push_back(line);
    }
    return lines;
  }

  std::optional<Socket> socket_;
};

TEST_F(Tables, RoutesAreWrittenAsIpWritesThem) {
  ip("route add 10.1.0.0/16 via 10.0.0.2 dev lan");
  ip("route add 10.2.0.0/16 via 10.9.0.2 dev lan onlink metric 7 mtu 1400 src 10.0.0.1");
  ip("route add default via 10.0.0.3");
  ip("route add blackhole 10.3.0.0/16 table 100");
  ip("route add 10.4.0.0/16 nexthop via 10.0.0.2 dev lan weight 1 nexthop via 10.0.0.3 dev lan weight 3");
  ip("route add 10.5.0.1 dev lan proto static");
  ip("route add fd01::/64 via fd00::2 dev lan");
  std::vector<std::string> ours = route_lines();
  for (const std::string& line : lines_of("-4 -o route show table all | sed 's/\\\\//g; s/\\t/ /g; s/  */ /g'")) {
    EXPECT_THAT(ours, Contains(line));
  }
  EXPECT_THAT(ours, Contains("fd01::/64 via fd00::2 dev lan metric 1024"));
}

TEST_F(Tables, RoutesHaveTheirFields) {
  ip("route add 10.2.0.0/16 via 10.9.0.2 dev lan onlink metric 7 table 100 proto static");
  std::vector<RouteRow> rows = read_routes(*socket_);
  auto row = std::find_if(rows.begin(), rows.end(), [](const RouteRow& it) { return it.table == "100"; });
  ASSERT_NE(row, rows.end());
  EXPECT_EQ(row->type, "unicast");
  EXPECT_EQ(row->destination.to_string(), "10.2.0.0/16");
  EXPECT_EQ(row->via->to_string(), "10.9.0.2");
  EXPECT_EQ(row->link, "lan");
  EXPECT_EQ(row->protocol, "static");
  EXPECT_EQ(row->scope, "global");
  EXPECT_EQ(row->metric, 7u);
  EXPECT_TRUE(row->onlink);
}

TEST_F(Tables, RulesAreWrittenAsIpWritesThem) {
  ip("rule add priority 100 fwmark 0x1/0xff lookup 100");
  ip("rule add priority 200 not from 10.0.0.0/8 to 10.1.0.1 iif lan lookup main");
  ip("rule add priority 300 from 10.0.0.7 prohibit");
  std::vector<std::string> ours;
  for (const RuleRow& row : read_rules(*socket_)) {
    if (row.family == AF_INET) ours.push_back(row.line());
  }
  EXPECT_EQ(ours, lines_of("rule"));
}

TEST_F(Tables, LinksHaveKindStateAndPeer) {
  LinkRow lan = link("lan");
  EXPECT_EQ(lan.kind, "veth");
  EXPECT_EQ(lan.details["peer"], "far");
  EXPECT_TRUE(lan.up);
  EXPECT_TRUE(lan.carrier);
  EXPECT_EQ(lan.state, "UP");
  EXPECT_EQ(lan.mtu, 1500u);
  ip("link set far down");
  EXPECT_FALSE(link("lan").carrier);
  EXPECT_TRUE(link("lan").up);
  EXPECT_EQ(link("far").state, "DOWN");
  EXPECT_THAT(link("lo").flags, Contains("LOOPBACK"));
}

TEST_F(Tables, LinksCountTheirTraffic) {
  TrafficCount before = link("lan").sent;
  base::run_command({"ping", "-c", "1", "-W", "0.1", "10.0.0.9"});
  EXPECT_GT(link("lan").sent.packets, before.packets);
  EXPECT_GT(link("far").received.bytes, 0u);
}

TEST_F(Tables, APortOfABridgeHasItsMasterAndState) {
  ip("link add br0 type bridge");
  ip("link set br0 up");
  ip("link set lan master br0");
  LinkRow lan = link("lan");
  EXPECT_EQ(lan.master, "br0");
  EXPECT_EQ(lan.details["port state"], "forwarding");
  EXPECT_EQ(lan.details["port hairpin"], "no");
  EXPECT_EQ(link("br0").details["stp"], "no");
  std::vector<ForwardingRow> rows = read_forwarding(*socket_);
  // The other end may have said something already, and have been learned.
  auto own = std::find_if(rows.begin(), rows.end(),
                          [](const ForwardingRow& it) { return it.link == "lan" && !it.vlan && it.local; });
  ASSERT_NE(own, rows.end());
  EXPECT_EQ(own->master, "br0");
  EXPECT_EQ(own->mac, lan.mac);
  EXPECT_FALSE(own->learned);
}

TEST_F(Tables, ABridgeLearns) {
  ip("link add br0 type bridge");
  ip("link set br0 up");
  ip("link set lan master br0");
  ip("addr add 10.7.0.1/24 dev far");
  base::run_command({"ping", "-c", "1", "-W", "0.1", "10.7.0.9"});
  std::string far = link("far").mac;
  std::vector<ForwardingRow> rows = read_forwarding(*socket_);
  auto learned = std::find_if(rows.begin(), rows.end(), [&](const ForwardingRow& it) { return it.mac == far; });
  ASSERT_NE(learned, rows.end());
  EXPECT_TRUE(learned->learned);
  EXPECT_FALSE(learned->local);
}

TEST_F(Tables, VxlanHasItsEndsAndItsEntries) {
  if (!can("link add vx0 type vxlan id 42 local 10.0.0.1 dstport 8472 dev lan nolearning")) {
    GTEST_SKIP() << "this kernel has no vxlan";
  }
  base::run_checked({"bridge", "fdb", "append", "02:00:00:00:00:09", "dev", "vx0", "dst", "10.0.0.2"});
  LinkRow vxlan = link("vx0");
  EXPECT_EQ(vxlan.kind, "vxlan");
  EXPECT_EQ(vxlan.details["id"], "42");
  EXPECT_EQ(vxlan.details["local"], "10.0.0.1");
  EXPECT_EQ(vxlan.details["dstport"], "8472");
  EXPECT_EQ(vxlan.details["learning"], "no");
  EXPECT_EQ(vxlan.details["dev"], "lan");
  std::vector<ForwardingRow> rows = read_forwarding(*socket_);
  auto entry =
      std::find_if(rows.begin(), rows.end(), [](const ForwardingRow& it) { return it.mac == "02:00:00:00:00:09"; });
  ASSERT_NE(entry, rows.end());
  EXPECT_EQ(entry->link, "vx0");
  EXPECT_EQ(entry->destination->to_string(), "10.0.0.2");
  EXPECT_FALSE(entry->local);
  EXPECT_FALSE(entry->learned);
}

TEST_F(Tables, TunnelsHaveTheirEnds) {
  if (!can("link add t0 type gre local 10.0.0.1 remote 10.0.0.2 key 7 ttl 64"))
    GTEST_SKIP() << "this kernel has no gre";
  LinkRow tunnel = link("t0");
  EXPECT_EQ(tunnel.details["local"], "10.0.0.1");
  EXPECT_EQ(tunnel.details["remote"], "10.0.0.2");
  EXPECT_EQ(tunnel.details["ikey"], "7");
  EXPECT_EQ(tunnel.mac, "10.0.0.1");
}

TEST_F(Tables, NeighboursHaveTheirState) {
  ip("neigh add 10.0.0.8 lladdr 02:00:00:00:00:08 dev lan nud permanent");
  base::run_command({"ping", "-c", "1", "-W", "0.1", "10.0.0.9"});
  std::vector<NeighbourRow> rows = read_neighbours(*socket_);
  auto find = [&](const std::string& address) {
    return *std::find_if(rows.begin(), rows.end(),
                         [&](const NeighbourRow& it) { return it.address.to_string() == address; });
  };
  EXPECT_EQ(find("10.0.0.8").state, "PERMANENT");
  EXPECT_EQ(find("10.0.0.8").mac, "02:00:00:00:00:08");
  EXPECT_EQ(find("10.0.0.8").link, "lan");
  EXPECT_EQ(find("10.0.0.9").state, "INCOMPLETE");
  EXPECT_EQ(find("10.0.0.9").mac, "");
}

TEST_F(Tables, AddressesHaveScopeAndFlags) {
  ip("addr add 10.0.0.5 peer 10.0.0.6 dev lan");
  std::vector<AddressRow> rows = read_addresses(*socket_);
  auto find = [&](const std::string& address) {
    return *std::find_if(rows.begin(), rows.end(),
                         [&](const AddressRow& it) { return it.address.address.to_string() == address; });
  };
  EXPECT_EQ(find("10.0.0.1").address.to_string(), "10.0.0.1/24");
  EXPECT_EQ(find("10.0.0.1").scope, "global");
  EXPECT_EQ(find("10.0.0.1").label, "lan");
  EXPECT_THAT(find("10.0.0.1").flags, Contains("permanent"));
  EXPECT_EQ(find("10.0.0.5").peer->to_string(), "10.0.0.6");
  EXPECT_EQ(find("127.0.0.1").scope, "host");
  EXPECT_THAT(find("fd00::1").flags, Contains("nodad"));
}

}  // namespace
