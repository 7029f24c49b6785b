// Names that real clusters have: those of the Services that every cluster has are the same everywhere.
#include "agents/proxy/iptables/names.h"

#include "tests/unit/agents/proxy/objects.h"

namespace proxy::iptables {
namespace {

ServicePort port(const std::string& name, netfilter::Protocol protocol) {
  ServicePort result;
  result.name = name;
  result.protocol = protocol;
  return result;
}

Endpoint endpoint(const std::string& address, std::uint16_t number) {
  Endpoint result;
  result.address = ip(address);
  result.port = number;
  return result;
}

TEST(Names, OfPortsAreKubeProxys) {
  ServicePort api = port("default/kubernetes:https", netfilter::Protocol::tcp);
  EXPECT_EQ(cluster_chain(api), "KUBE-SVC-NPX46M4PTMTKRN6Y");
  EXPECT_EQ(local_chain(api), "KUBE-SVL-NPX46M4PTMTKRN6Y");
  EXPECT_EQ(external_chain(api), "KUBE-EXT-NPX46M4PTMTKRN6Y");
  EXPECT_EQ(firewall_chain(api), "KUBE-FW-NPX46M4PTMTKRN6Y");
  EXPECT_EQ(cluster_chain(port("kube-system/kube-dns:dns", netfilter::Protocol::udp)), "KUBE-SVC-TCOU7JCQXEZGVUNU");
  EXPECT_EQ(cluster_chain(port("kube-system/kube-dns:dns-tcp", netfilter::Protocol::tcp)), "KUBE-SVC-ERIFXISQEP7F7OF4");
}

TEST(Names, OfEndpointsAreKubeProxys) {
  ServicePort dns = port("kube-system/kube-dns:dns", netfilter::Protocol::udp);
  EXPECT_EQ(endpoint_chain(dns, endpoint("10.85.0.4", 53)), "KUBE-SEP-WAIILD3LBHUAKL5L");
}

TEST(Names, OfEndpointsHaveThePlaceAsItIsTranslatedTo) {
  EXPECT_EQ(place(endpoint("10.85.0.4", 53)), "10.85.0.4:53");
  EXPECT_EQ(place(endpoint("fd00::4", 53)), "[fd00::4]:53");
}

TEST(Names, BeginAsTheChainsThatAreOurs) {
  ServicePort api = port("default/kubernetes:https", netfilter::Protocol::tcp);
  for (const std::string& name : {cluster_chain(api), local_chain(api), external_chain(api), firewall_chain(api),
                                  endpoint_chain(api, endpoint("10.85.0.4", 53))}) {
    const std::vector<std::string>& ours = chain_prefixes();
    EXPECT_TRUE(std::any_of(ours.begin(), ours.end(), [&](const auto& prefix) { return name.rfind(prefix, 0) == 0; }))
        << name;
    EXPECT_LE(name.size(), 28U) << "XT_EXTENSION_MAXNAMELEN";
  }
}

}  // namespace
}  // namespace proxy::iptables
