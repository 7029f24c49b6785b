#include "agents/overlay/backends/udp.h"

#include <unistd.h>

#include <thread>

#include "tests/unit/agents/overlay/two_nodes.h"

namespace overlay {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Runs the loop, and with it the packets, while it lives.
class Carrier {
 public:
  explicit Carrier(boost::asio::io_context& loop) : loop_(loop), thread_([&loop] { loop.run(); }) {}
  ~Carrier() {
    loop_.stop();
    thread_.join();
    loop_.restart();
  }
  Carrier(const Carrier&) = delete;
  Carrier& operator=(const Carrier&) = delete;

 private:
  boost::asio::io_context& loop_;
  std::thread thread_;
};

class UdpTest : public TwoNodes {
 protected:
  void SetUp() override {
    TwoNodes::SetUp();
    if (IsSkipped()) return;
    if (::access("/dev/net/tun", R_OK | W_OK) != 0) GTEST_SKIP() << "tun-open: /dev/net/tun is not open to this user";
    one_backend_ = make_udp(one_->socket, loop_);
    two_backend_ = make_udp(two_->socket, loop_);
  }
  // The backends keep descriptors of the nodes' namespaces.
  void TearDown() override {
    one_backend_.reset();
    two_backend_.reset();
  }

  // As the agent does it: a node's overlay runs in the node.
  static Report program(TestNode& node, Backend& backend, const std::vector<Lease>& peers) {
    Report report;
    netlink::in_namespace(node.network_namespace, [&] { report = backend.program(node.self(), peers); });
    return report;
  }
  Report program_one() { return program(*one_, *one_backend_, {two_->lease(*two_backend_)}); }
  Report program_two() { return program(*two_, *two_backend_, {one_->lease(*one_backend_)}); }

  boost::asio::io_context loop_{1};
  std::unique_ptr<Backend> one_backend_, two_backend_;
};

TEST_F(UdpTest, CarriesPacketsOfTheSizeItAnnounces) {
  EXPECT_THAT(program_one().changes,
              ElementsAre("listens on 192.168.113.11:8285", "created device flannel0",
                          "gave flannel0 the address 10.244.1.0/32", "set device flannel0 up",
                          "route to 10.244.0.0/16 by flannel0", "packets for 10.244.2.0/24 go to 192.168.113.12"));
  program_two();
  EXPECT_EQ(one_backend_->mtu(one_->self().interface), 1472u);
  Carrier carrier(loop_);
  EXPECT_EQ(send(*one_, *two_, 1444), "1444 from 10.244.1.1");
  EXPECT_EQ(send(*two_, *one_, 100), "100 from 10.244.2.1");
  EXPECT_THAT(send(*one_, *two_, 1445), HasSubstr("Message too long"));
}

TEST_F(UdpTest, ChangesNothingWhereAllIsAsItShouldBe) {
  program_one();
  EXPECT_THAT(program_one().changes, IsEmpty());
}

TEST_F(UdpTest, PutsBackWhatWasTakenAway) {
  program_one();
  program_two();
  netlink::delete_link(one_->socket, "flannel0");
  EXPECT_THAT(program_one().changes, Contains("created device flannel0"));
  Carrier carrier(loop_);
  EXPECT_EQ(send(*one_, *two_), "100 from 10.244.1.1");
}

TEST_F(UdpTest, ForgetsAPeerThatHasGone) {
  program_one();
  program_two();
  EXPECT_THAT(program(*one_, *one_backend_, {}).changes, ElementsAre("packets for 10.244.2.0/24 go nowhere"));
  Carrier carrier(loop_);
  EXPECT_EQ(send(*one_, *two_), "nothing");
}

TEST_F(UdpTest, TellsWhoSendsToNobodysPods) {
  program_one();
  UdpSocket sender(*one_, one_->pod_address());
  ASSERT_TRUE(sender.send(ip("10.244.9.1"), 100));
  Carrier carrier(loop_);
  EXPECT_EQ(sender.receive(), "nothing: Network is unreachable");
}

TEST_F(UdpTest, RefusesPeersOfAnotherBackendAndTakesThoseOfFlanneld) {
  Lease vxlan{"tunnelled", prefix("10.244.8.0/24"), ip("192.168.113.18"), "vxlan", "{}"};
  Lease flanneld{"other", prefix("10.244.9.0/24"), ip("192.168.113.19"), "", "null"};
  Report report = program(*one_, *one_backend_, {vxlan, flanneld});
  EXPECT_THAT(report.failures, ElementsAre("no way to the pods of node tunnelled: its backend is vxlan, not udp"));
  EXPECT_THAT(report.changes, Contains("packets for 10.244.9.0/24 go to 192.168.113.19"));
}

TEST_F(UdpTest, TakesItsDeviceAlongWhenItEnds) {
  program_one();
  one_backend_.reset();
  EXPECT_FALSE(netlink::find_link(one_->socket, "flannel0"));
}

}  // namespace
}  // namespace overlay
