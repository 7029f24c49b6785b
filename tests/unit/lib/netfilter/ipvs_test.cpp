#include "lib/netfilter/ipvs.h"

#include <gmock/gmock.h>

#include <optional>

#include "lib/base/error.h"
#include "lib/base/run.h"
#include "tests/unit/private_network.h"

namespace {

using netfilter::Destination;
using netfilter::Forwarding;
using netfilter::Ipvs;
using netfilter::Protocol;
using netfilter::VirtualService;
using netfilter::VirtualServiceState;
using netlink::IpAddress;
using testing::HasSubstr;

IpAddress address(const std::string& text) {
  return *IpAddress::parse(text);
}

VirtualService service(const std::string& text, std::uint16_t port, Protocol protocol = Protocol::tcp) {
  VirtualService result;
  result.key = {protocol, address(text), port, 0};
  return result;
}

Destination destination(const std::string& text, std::uint16_t port, Forwarding forwarding = Forwarding::nat) {
  Destination result;
  result.address = address(text);
  result.port = port;
  result.forwarding = forwarding;
  return result;
}

TEST(IpvsNames, AreThoseOfTopologiesAndOfIpvsadm) {
  EXPECT_EQ(netfilter::parse_forwarding("NAT"), Forwarding::nat);
  EXPECT_EQ(netfilter::parse_forwarding("dr"), Forwarding::direct_routing);
  EXPECT_EQ(netfilter::parse_forwarding("tun"), Forwarding::tunnel);
  EXPECT_FALSE(netfilter::parse_forwarding("bridge"));
  EXPECT_EQ(to_string(Forwarding::direct_routing), "direct-routing");
  EXPECT_EQ(service("10.0.0.1", 80).key.to_string(), "tcp 10.0.0.1:80");
  EXPECT_EQ(service("fd00::1", 53, Protocol::udp).key.to_string(), "udp [fd00::1]:53");
  EXPECT_EQ(netfilter::parse_protocol("Sctp"), Protocol::sctp);
  EXPECT_FALSE(netfilter::parse_protocol("icmp"));
}

TEST(IpvsTable, IsSortedAndLaidOutAsIpvsadmDoes) {
  VirtualServiceState web;
  web.service = service("10.10.0.1", 8410);
  web.destinations = {{destination("192.168.113.100", 8080), 1, 2, 0, {}},
                      {destination("192.168.113.99", 8080, Forwarding::direct_routing), 0, 0, 0, {}}};
  VirtualServiceState dns;
  dns.service = service("10.10.0.1", 53, Protocol::udp);
  dns.service.scheduler = "sh";
  dns.service.flags = netfilter::service_flags::scheduler_2;
  dns.service.set_persistence(10800);
  EXPECT_EQ(netfilter::format_table({"1.2.1", 4096}, {dns, web}),
            "IP Virtual Server version 1.2.1 (size=4096)\n"
            "Prot LocalAddress:Port Scheduler Flags\n"
            "  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn\n"
            "TCP  10.10.0.1:8410 rr\n"
            "  -> 192.168.113.99:8080          Route   1      0          0         \n"
            "  -> 192.168.113.100:8080         Masq    1      1          2         \n"
            "UDP  10.10.0.1:53 sh (sh-port) persistent 10800\n");
}

class IpvsTest : public PrivateNetwork {
 protected:
  void SetUp() override {
    PrivateNetwork::SetUp();
    if (IsSkipped()) return;
    try {
      ipvs_.emplace();
    } catch (const base::Error& error) {
      GTEST_SKIP() << error.what();
    }
  }
  std::optional<Ipvs> ipvs_;
};

TEST_F(IpvsTest, ReadsBackWhatItWrote) {
  VirtualService web = service("10.10.0.1", 8410);
  web.set_persistence(600);
  ipvs_->add_service(web);
  ipvs_->add_destination(web.key, destination("192.168.113.99", 8080));
  Destination heavy = destination("192.168.113.100", 8081);
  heavy.weight = 3;
  heavy.upper_threshold = 20;
  heavy.lower_threshold = 10;
  ipvs_->add_destination(web.key, heavy);
  auto services = ipvs_->list();
  ASSERT_EQ(services.size(), 1U);
  EXPECT_EQ(services[0].service, web);
  ASSERT_EQ(services[0].destinations.size(), 2U);
  auto is = [](const Destination& expected) {
    return testing::Field(&netfilter::DestinationState::destination, expected);
  };
  EXPECT_THAT(services[0].destinations,
              testing::UnorderedElementsAre(is(heavy), is(destination("192.168.113.99", 8080))));
}

TEST_F(IpvsTest, ChangesAndDeletes) {
  VirtualService web = service("10.10.0.1", 8410);
  ipvs_->add_service(web);
  Destination server = destination("192.168.113.99", 8080);
  ipvs_->add_destination(web.key, server);
  server.weight = 0;
  ipvs_->edit_destination(web.key, server);
  web.scheduler = "wrr";
  web.set_persistence(60);
  ipvs_->edit_service(web);
  auto services = ipvs_->list();
  EXPECT_EQ(services.at(0).service, web);
  EXPECT_EQ(services.at(0).destinations.at(0).destination, server);
  ipvs_->delete_destination(web.key, server);
  EXPECT_TRUE(ipvs_->list_destinations(web.key).empty());
  ipvs_->delete_service(web.key);
  EXPECT_TRUE(ipvs_->list().empty());
}

TEST_F(IpvsTest, HoldsManyServices) {
  for (int i = 0; i < 500; ++i) {
    VirtualService many = service("10.20." + std::to_string(i / 250) + "." + std::to_string(i % 250), 80);
    ipvs_->add_service(many);
    ipvs_->add_destination(many.key, destination("10.244.1.2", 8080));
  }
  EXPECT_EQ(ipvs_->list().size(), 500U);
  ipvs_->flush();
  EXPECT_TRUE(ipvs_->list_services().empty());
}

TEST_F(IpvsTest, KnowsServicesByMark) {
  VirtualService marked;
  marked.key.fwmark = 7;
  ipvs_->add_service(marked);
  EXPECT_EQ(ipvs_->list_services().at(0).service, marked);
  ipvs_->delete_service(marked.key);
}

TEST_F(IpvsTest, FailuresNameWhatWasBeingDone) {
  VirtualService web = service("10.10.0.1", 8410);
  ipvs_->add_service(web);
  try {
    ipvs_->add_service(web);
    FAIL() << "should have thrown";
  } catch (const base::Error& error) {
    EXPECT_EQ(error.error_number(), EEXIST);
    EXPECT_THAT(error.what(), HasSubstr("add virtual service tcp 10.10.0.1:8410"));
  }
  web.key.port = 1;
  web.scheduler = "nonsense";
  try {
    ipvs_->add_service(web);
    FAIL() << "should have thrown";
  } catch (const base::Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("nonsense"));
  }
  EXPECT_THROW(ipvs_->delete_service(web.key), base::Error);
}

TEST_F(IpvsTest, StaysInTheNamespaceItWasOpenedIn) {
  ASSERT_EQ(::unshare(CLONE_NEWNET), 0);
  Ipvs elsewhere;
  ipvs_->add_service(service("10.10.0.1", 80));
  EXPECT_TRUE(elsewhere.list_services().empty());
  EXPECT_EQ(ipvs_->list_services().size(), 1U);
}

TEST_F(IpvsTest, SetsTimeouts) {
  ipvs_->set_timeouts({100, 0, 50});
  EXPECT_EQ(ipvs_->timeouts().tcp, 100U);
  EXPECT_EQ(ipvs_->timeouts().udp, 50U);
}

}  // namespace
