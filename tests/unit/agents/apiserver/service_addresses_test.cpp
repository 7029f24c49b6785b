#include "agents/apiserver/service_addresses.h"

#include "lib/base/error.h"
#include "tests/unit/agents/apiserver/fixture.h"

namespace apiserver {
namespace {

using kube::number_at;
using kube::text_at;
using ::testing::HasSubstr;

class ServiceTest : public RegistryTest {
 protected:
  static std::string service(const std::string& name, const std::string& spec) {
    return R"({"metadata":{"name":")" + name + R"("},"spec":)" + spec + "}";
  }
  static int64_t node_port(const Object& object, size_t index = 0) {
    return number_at(kube::array_at(object, "spec.ports").at(index).as_object(), "nodePort");
  }
};

TEST(AddressRange, CountsAndFindsAddresses) {
  AddressRange range("10.108.0.0/16");
  EXPECT_EQ(range.size(), 65536u);
  EXPECT_EQ(range.address(257), "10.108.1.1");
  EXPECT_EQ(range.index_of("10.108.1.1"), 257);
  EXPECT_EQ(range.index_of("10.109.0.0"), -1);
  EXPECT_EQ(range.index_of("nonsense"), -1);
  AddressRange small("10.0.0.77/30");
  EXPECT_EQ(small.address(0), "10.0.0.76");
  AddressRange six("fd00:1::/112");
  EXPECT_EQ(six.address(10), "fd00:1::a");
  EXPECT_EQ(six.index_of("fd00:1::a"), 10);
  EXPECT_EQ(six.index_of("fd00:2::a"), -1);
  for (const char* bad : {"10.0.0.0", "10.0.0.0/33", "x/8", "10.0.0.0/0"}) EXPECT_THROW(AddressRange{bad}, base::Error);
}

TEST_F(ServiceTest, AddressesAreGivenByNameAndTheSameEachTime) {
  Object first = create("services", service("s", R"({"type":"NodePort","ports":[{"port":80}]})"));
  registry_.remove(target("services", "s"), {});
  create("services", service("other", R"({"ports":[{"port":80}]})"));
  Object second = create("services", service("s", R"({"type":"NodePort","ports":[{"port":80}]})"));
  EXPECT_EQ(text_at(first, "spec.clusterIP"), text_at(second, "spec.clusterIP"));
  EXPECT_EQ(node_port(first), node_port(second));
  EXPECT_GE(node_port(first), 30000);
  EXPECT_LE(node_port(first), 32767);
}

TEST_F(ServiceTest, DefaultsAreKubernetes) {
  Object object = create("services", service("s", R"({"type":"NodePort","ports":[{"port":80}]})"));
  EXPECT_EQ(text_at(object, "spec.sessionAffinity"), "None");
  EXPECT_EQ(text_at(object, "spec.internalTrafficPolicy"), "Cluster");
  EXPECT_EQ(text_at(object, "spec.externalTrafficPolicy"), "Cluster");
  EXPECT_EQ(text_at(object, "spec.ipFamilyPolicy"), "SingleStack");
  const Object& port = kube::array_at(object, "spec.ports").at(0).as_object();
  EXPECT_EQ(text_at(port, "protocol"), "TCP");
  EXPECT_EQ(number_at(port, "targetPort"), 80);
  EXPECT_EQ(kube::strings_at(object, "spec.clusterIPs").at(0), text_at(object, "spec.clusterIP"));
}

TEST_F(ServiceTest, CollisionsAreRefusedInKubernetesWords) {
  create("services",
         service("a", R"({"type":"NodePort","clusterIP":"10.108.0.50","ports":[{"port":80,"nodePort":30080}]})"));
  EXPECT_EQ(refusal([&] {
              create("services", service("b", R"({"type":"NodePort","ports":[{"port":80,"nodePort":30080}]})"));
            }),
            "422 Service \"b\" is invalid: spec.ports[0].nodePort: Invalid value: 30080: provided port is already "
            "allocated");
  EXPECT_EQ(refusal([&] { create("services", service("b", R"({"clusterIP":"10.108.0.50","ports":[{"port":80}]})")); }),
            "422 Service \"b\" is invalid: spec.clusterIPs: Invalid value: []string{\"10.108.0.50\"}: failed to "
            "allocate IP 10.108.0.50: provided IP is already allocated");
  EXPECT_THAT(refusal([&] { create("services", service("b", R"({"clusterIP":"10.1.0.1","ports":[{"port":80}]})")); }),
              HasSubstr("is not in the valid range. The range of valid IPs is 10.108.0.0/16"));
  EXPECT_THAT(
      refusal([&] { create("services", service("b", R"({"type":"NodePort","ports":[{"port":80,"nodePort":80}]})")); }),
      HasSubstr("Invalid value: 80: provided port is not in the valid range. The range of valid ports is "
                "30000-32767"));
}

TEST_F(ServiceTest, WhatWasRefusedHoldsNothing) {
  create("services", service("a", R"({"type":"NodePort","ports":[{"port":80,"nodePort":30080}]})"));
  refusal([&] {
    create("services",
           service("b", R"({"type":"NodePort","clusterIP":"10.108.0.60","ports":[{"port":80,"nodePort":30080}]})"));
  });
  EXPECT_EQ(refusal([&] { create("services", service("c", R"({"clusterIP":"10.108.0.60","ports":[{"port":80}]})")); }),
            "");
}

TEST_F(ServiceTest, DeletedServicesGiveTheirAddressesBack) {
  const std::string spec = R"({"type":"NodePort","clusterIP":"10.108.0.50","ports":[{"port":80,"nodePort":30080}]})";
  create("services", service("a", spec));
  registry_.remove(target("services", "a"), {});
  EXPECT_EQ(refusal([&] { create("services", service("b", spec)); }), "");
}

TEST_F(ServiceTest, OneNumberMayServeTwoProtocolsOfOneService) {
  EXPECT_EQ(refusal([&] {
              create("services", service("dns", R"({"type":"NodePort","ports":[
                {"name":"t","port":53,"nodePort":30053},{"name":"u","port":53,"protocol":"UDP","nodePort":30053}]})"));
            }),
            "");
  EXPECT_THAT(refusal([&] {
                create("services", service("x", R"({"type":"NodePort","ports":[
                  {"name":"t","port":53,"nodePort":30054},{"name":"u","port":54,"nodePort":30054}]})"));
              }),
              HasSubstr("spec.ports[1].nodePort: Duplicate value: 30054"));
}

TEST_F(ServiceTest, AnUpdateKeepsWhatWasAllocated) {
  Object before = create("services", service("s", R"({"type":"NodePort","ports":[{"port":80}]})"));
  Object sent =
      parse(service("s", R"({"type":"NodePort","selector":{"a":"b"},"ports":[{"port":80},{"port":81,"name":"x"}]})"));
  sent["spec"].as_object()["ports"].as_array()[0].as_object()["name"] = "http";
  Object after = registry_.update(target("services", "s"), sent);
  EXPECT_EQ(text_at(after, "spec.clusterIP"), text_at(before, "spec.clusterIP"));
  EXPECT_EQ(node_port(after, 0), node_port(before, 0));
  EXPECT_NE(node_port(after, 1), node_port(after, 0));
}

TEST_F(ServiceTest, TypeChangesAllocateAndRelease) {
  create("services", service("s", R"({"ports":[{"port":80}]})"));
  Object as_node_port = patch(target("services", "s"), R"({"spec":{"type":"NodePort"}})");
  int64_t port = node_port(as_node_port);
  EXPECT_GE(port, 30000);
  Object as_cluster_ip = patch(target("services", "s"), R"({"spec":{"type":"ClusterIP"}})");
  EXPECT_EQ(node_port(as_cluster_ip), 0);
  Object external = patch(target("services", "s"), R"({"spec":{"type":"ExternalName","externalName":"example.org"}})");
  EXPECT_EQ(kube::find(external, "spec.clusterIP"), nullptr);
  Object back = patch(target("services", "s"), R"({"spec":{"type":"ClusterIP","externalName":null}})");
  EXPECT_FALSE(text_at(back, "spec.clusterIP").empty());
}

TEST_F(ServiceTest, AClusterIpMayNotChange) {
  create("services", service("s", R"({"clusterIP":"10.108.0.50","ports":[{"port":80}]})"));
  EXPECT_THAT(refusal([&] { patch(target("services", "s"), R"({"spec":{"clusterIP":"10.108.0.51"}})"); }),
              HasSubstr("may not change once set"));
}

TEST_F(ServiceTest, AClusterIpIsTheFirstOfItsClusterIps) {
  EXPECT_THAT(
      refusal([&] {
        create("services",
               service("s", R"({"clusterIP":"10.108.0.50","clusterIPs":["10.108.0.51"],"ports":[{"port":80}]})"));
      }),
      HasSubstr("spec.clusterIPs: Invalid value: []string{\"10.108.0.51\"}: first value must match `clusterIP`"));
  Object object = create("services", service("s", R"({"clusterIPs":["10.108.0.51"],"ports":[{"port":80}]})"));
  EXPECT_EQ(text_at(object, "spec.clusterIP"), "10.108.0.51");
}

TEST_F(ServiceTest, AFamilyThatTheClusterLacksIsRefused) {
  auto refused = [&](const std::string& fields) {
    return refusal([&] { create("services", service("s", "{" + fields + R"(,"ports":[{"port":80}]})")); });
  };
  EXPECT_EQ(refused(R"("ipFamilyPolicy":"RequireDualStack")"),
            "422 Service \"s\" is invalid: spec.ipFamilyPolicy: Invalid value: \"RequireDualStack\": this cluster is "
            "not configured for dual-stack services");
  EXPECT_EQ(
      refused(R"("ipFamilies":["IPv6"])"),
      "422 Service \"s\" is invalid: spec.ipFamilies[0]: Invalid value: \"IPv6\": not configured on this cluster");
  EXPECT_THAT(refused(R"("ipFamilies":["IPv5"])"), HasSubstr("spec.ipFamilies[0]: Unsupported value: \"IPv5\""));
  EXPECT_THAT(refused(R"("ipFamilyPolicy":"Dual")"), HasSubstr("spec.ipFamilyPolicy: Unsupported value"));
  EXPECT_THAT(refused(R"("clusterIPs":["10.108.0.50","fd00::1"])"), HasSubstr("not configured for dual-stack"));
  EXPECT_EQ(refused(R"("ipFamilies":["IPv4"],"ipFamilyPolicy":"PreferDualStack")"), "");
  EXPECT_THAT(refusal([&] { patch(target("services", "s"), R"({"spec":{"ipFamilyPolicy":"RequireDualStack"}})"); }),
              HasSubstr("not configured for dual-stack"));
}

// What a proxy cannot read it cannot keep out, either.
TEST_F(ServiceTest, SourceRangesAreRanges) {
  auto refused = [&](const std::string& type, const std::string& ranges) {
    return refusal([&] {
      create("services", service("s", R"({"ports":[{"port":80}],"type":")" + type + R"(","loadBalancerSourceRanges":)" +
                                          ranges + "}"));
    });
  };
  for (const char* bad : {"10.0.0.1", "10.0.0.0/33", "10.0.0.0/", "10.0.0/8", "fd00::/129", "all"}) {
    EXPECT_EQ(refused("LoadBalancer", R"(["10.0.0.0/8",")" + std::string(bad) + R"("])"),
              "422 Service \"s\" is invalid: spec.LoadBalancerSourceRanges[1]: Invalid value: \"" + std::string(bad) +
                  "\": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)");
  }
  EXPECT_THAT(refused("NodePort", R"(["10.0.0.0/8"])"), HasSubstr("may only be used when `type` is 'LoadBalancer'"));
  EXPECT_EQ(refused("LoadBalancer", R"([" 10.0.0.0/8 ","fd00::/64","0.0.0.0/0"])"), "");
}

class HealthCheckPortTest : public ServiceTest {
 protected:
  Object create_balanced(const std::string& name, const std::string& more = {}) {
    return create("services", service(name, R"({"type":"LoadBalancer","externalTrafficPolicy":"Local",)" + more +
                                                R"("ports":[{"port":80,"nodePort":0}]})"));
  }
  static int64_t port_of(const Object& object) { return number_at(object, "spec.healthCheckNodePort"); }
};

TEST_F(HealthCheckPortTest, IsAllocatedWhereNodesAreAskedAndKept) {
  Object object = create_balanced("s");
  EXPECT_GE(port_of(object), 30000);
  EXPECT_LE(port_of(object), 32767);
  EXPECT_NE(port_of(object), node_port(object));
  Object sent = parse(service("s", R"({"type":"LoadBalancer","externalTrafficPolicy":"Local","ports":[{"port":81}]})"));
  EXPECT_EQ(port_of(registry_.update(target("services", "s"), sent)), port_of(object));
  Object other = create("services", service("t", R"({"type":"LoadBalancer","ports":[{"port":80}]})"));
  EXPECT_EQ(kube::find(other, "spec.healthCheckNodePort"), nullptr);
}

TEST_F(HealthCheckPortTest, GoesWithThePolicyAndIsFreeAgain) {
  create_balanced("s", R"("healthCheckNodePort":30500,)");
  Object object = patch(target("services", "s"), R"({"spec":{"externalTrafficPolicy":"Cluster"}})");
  EXPECT_EQ(kube::find(object, "spec.healthCheckNodePort"), nullptr);
  EXPECT_EQ(port_of(create_balanced("t", R"("healthCheckNodePort":30500,)")), 30500);
}

TEST_F(HealthCheckPortTest, IsRefusedWhereTakenOutOfRangeChangedOrWithoutUse) {
  create_balanced("s", R"("healthCheckNodePort":30500,)");
  EXPECT_THAT(refusal([&] { create_balanced("t", R"("healthCheckNodePort":30500,)"); }),
              HasSubstr("spec.healthCheckNodePort: Invalid value: 30500: failed to allocate requested HealthCheck "
                        "NodePort 30500: provided port is already allocated"));
  EXPECT_THAT(refusal([&] { create_balanced("t", R"("healthCheckNodePort":80,)"); }),
              HasSubstr("The range of valid ports is 30000-32767"));
  EXPECT_THAT(refusal([&] {
                create("services", service("t", R"({"type":"LoadBalancer","externalTrafficPolicy":"Local",
                  "healthCheckNodePort":30600,"ports":[{"port":80,"nodePort":30600}]})"));
              }),
              HasSubstr("spec.ports[0].nodePort: Duplicate value: 30600"));
  EXPECT_THAT(refusal([&] { patch(target("services", "s"), R"({"spec":{"healthCheckNodePort":30501}})"); }),
              HasSubstr("spec.healthCheckNodePort: Invalid value: 30501: field is immutable"));
  EXPECT_THAT(
      refusal([&] { create("services", service("t", R"({"healthCheckNodePort":30500,"ports":[{"port":80}]})")); }),
      HasSubstr("may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"));
}

TEST_F(ServiceTest, HeadlessServicesHaveNoAddress) {
  Object object = create("services", service("s", R"({"clusterIP":"None","selector":{"a":"b"}})"));
  EXPECT_EQ(text_at(object, "spec.clusterIP"), "None");
  create("services", service("t", R"({"clusterIP":"None","selector":{"a":"b"}})"));
}

TEST_F(ServiceTest, FaultsAreReportedTogether) {
  std::string text = refusal([&] {
    create(
        "services",
        service("s", R"({"type":"Odd","sessionAffinity":"x","ports":[{"port":0},{"port":70000,"protocol":"TPC"}]})"));
  });
  EXPECT_THAT(text,
              HasSubstr("spec.type: Unsupported value: \"Odd\": supported values: \"ClusterIP\", \"ExternalName\""));
  EXPECT_THAT(text, HasSubstr("spec.ports[0].name: Required value"));
  EXPECT_THAT(text, HasSubstr("spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive"));
  EXPECT_THAT(text, HasSubstr("spec.ports[1].protocol: Unsupported value: \"TPC\""));
  EXPECT_THAT(text, HasSubstr("spec.sessionAffinity"));
}

TEST_F(ServiceTest, AFullRangeSaysSo) {
  Store store;
  Registry tiny(store, {AddressRange("10.0.0.0/29"), PortRange{30000, 30001}});
  tiny.create_defaults("127.0.0.1", 8080);
  std::string refused;
  int created = 0;
  for (int number = 0; number < 10 && refused.empty(); ++number) {
    refused = refusal([&] {
      tiny.create(target("services", ""), parse(service("s" + std::to_string(number), R"({"ports":[{"port":80}]})")));
      ++created;
    });
  }
  EXPECT_THAT(refused, HasSubstr("range is full"));
  EXPECT_EQ(created, 5) << "of eight: network, broadcast and the kubernetes Service are taken";
}

}  // namespace
}  // namespace apiserver
