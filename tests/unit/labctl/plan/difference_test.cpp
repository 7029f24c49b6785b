// What has to be done to a running lab so that it becomes another one: no more than differs.
#include "labctl/plan/difference.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "labctl/plan/identity.h"
#include "lib/base/file_descriptor.h"

namespace plan {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

constexpr const char* kBase = R"(
version: 1
name: x
networks: {lan: {subnet: 10.0.0.0/24}}
nodes:
  alice:
    links: {lan: 10.0.0.1, vip: {kind: dummy, address: 10.9.9.9/32}}
    routes: ["10.8.0.0/16 via 10.0.0.2"]
    sysctls: {net.ipv4.ip_forward: 1}
    ipvs: [{service: "tcp://10.9.9.9:80", servers: [10.0.0.2:80]}]
  bob: {links: {lan: 10.0.0.2}, workloads: {web: {serve: http, port: 80}}}
)";

constexpr const char* kCluster = R"(
version: 1
name: c
networks: {lan: {subnet: 10.0.0.0/24}}
nodes: {cp: {links: {lan: 10.0.0.1}}, w1: {links: {lan: 10.0.0.2}}, w2: {links: {lan: 10.0.0.3}}}
cluster: {controlPlane: cp, workers: [w1], network: lan}
manifests:
  - {apiVersion: v1, kind: ConfigMap, metadata: {name: one}, data: {a: "1"}}
)";

Description described(const std::string& text) {
  Description it;
  it.topology = topology::parse(text, "x.yaml");
  it.plan = make_plan(it.topology, "lab");
  it.manifests = manifest_objects(it.topology, {});
  return it;
}

std::string with(std::string text, const std::string& before, const std::string& after) {
  std::size_t at = text.find(before);
  if (at == std::string::npos) throw std::logic_error("no " + before);
  return text.replace(at, before.size(), after);
}

Difference from_base(const std::string& before, const std::string& after) {
  return difference(described(kBase), described(with(kBase, before, after)));
}
Difference from_cluster(const std::string& before, const std::string& after) {
  return difference(described(kCluster), described(with(kCluster, before, after)));
}

// "change alice: sysctl net.ipv4.ip_forward: value 1 → 0"
std::vector<std::string> lines(const Difference& difference) {
  std::vector<std::string> all;
  boost::json::object said = to_json(difference);
  for (const boost::json::value& change : said.at("changes").as_array()) {
    std::string line =
        std::string(change.at("action").as_string()) + " " + std::string(change.at("object").as_string());
    for (const boost::json::value& detail : change.at("details").as_array())
      line += "; " + std::string(detail.as_string());
    all.push_back(std::move(line));
  }
  return all;
}

TEST(Difference, OfTheSameIsEmpty) {
  EXPECT_TRUE(difference(described(kBase), described(kBase)).empty());
  EXPECT_TRUE(difference(described(kCluster), described(kCluster)).empty());
  // Where things stand in the file does not matter.
  EXPECT_TRUE(difference(described(kBase), described(std::string("# a comment\n\n") + kBase)).empty());
}

TEST(Difference, OfOneValueIsThatValue) {
  EXPECT_THAT(lines(from_base("ip_forward: 1", "ip_forward: 0")),
              ElementsAre("change alice: sysctl net.ipv4.ip_forward; value 1 → 0"));
  EXPECT_THAT(
      lines(from_base("via 10.0.0.2", "via 10.0.0.3")),
      ElementsAre("change alice: route 10.8.0.0/16; route 10.8.0.0/16 via 10.0.0.2 → 10.8.0.0/16 via 10.0.0.3"));
  EXPECT_THAT(lines(from_base("    sysctls: {net.ipv4.ip_forward: 1}\n", "")),
              ElementsAre("remove alice: sysctl net.ipv4.ip_forward"));
}

TEST(Difference, DefaultRoutesOfBothVersionsAreTwo) {
  std::string both = with(kBase, "\"10.8.0.0/16 via 10.0.0.2\"", "default via 10.0.0.2, \"default via fd00::2\"");
  both = with(with(both, "subnet: 10.0.0.0/24", "subnet: 10.0.0.0/24, subnet6: \"fd00::/64\""), "lan: 10.0.0.1",
              "lan: [10.0.0.1, \"fd00::1\"]");
  std::string one = with(both, ", \"default via fd00::2\"", "");
  EXPECT_THAT(lines(difference(described(both), described(one))), ElementsAre("remove alice: route ::/0"));
}

TEST(Difference, OfAVirtualServiceIsItsServers) {
  EXPECT_THAT(lines(from_base("servers: [10.0.0.2:80]", "servers: [10.0.0.2:80, 10.0.0.3:80]")),
              ElementsAre("change alice: virtual service tcp://10.9.9.9:80; servers with 10.0.0.3:80 weight 1"));
}

TEST(Difference, OfAnAddressIsOneThatGoesAndOneThatComes) {
  Difference changed = from_base("bob: {links: {lan: 10.0.0.2}", "bob: {links: {lan: 10.0.0.7}");
  EXPECT_THAT(lines(changed),
              ElementsAre("remove bob: address 10.0.0.2/24 on lan", "create bob: address 10.0.0.7/24 on lan"));
  EXPECT_THAT(changed.rebuilt_nodes, IsEmpty());
  EXPECT_TRUE(changed.hosts);
}

TEST(Difference, OfAProcessIsItsCommand) {
  EXPECT_THAT(lines(from_base("port: 80}", "port: 81}")),
              ElementsAre(HasSubstr("change process web@bob; command /run/labctl/libexec/echo --http 80 → ")));
  EXPECT_THAT(lines(from_base(", workloads: {web: {serve: http, port: 80}}", "")),
              ElementsAre("remove process web@bob"));
  EXPECT_THAT(lines(from_base("port: 80}", "port: 80, restart: always}")),
              ElementsAre("change process web@bob; restart never → always"));
}

TEST(Difference, LinksComeAndGoInPlaceButAChangedOneRestartsItsNode) {
  Difference gone = from_base(", vip: {kind: dummy, address: 10.9.9.9/32}", "");
  EXPECT_THAT(lines(gone), ElementsAre("remove alice: address 10.9.9.9/32 on vip", "remove alice: link vip"));
  EXPECT_THAT(gone.rebuilt_nodes, IsEmpty());
  Difference changed = from_base("vip: {kind: dummy, ", "vip: {kind: bridge, ");
  EXPECT_THAT(changed.rebuilt_nodes, ElementsAre(Pair("alice", ElementsAre("link vip changes"))));
  EXPECT_EQ(lines(changed).front(), "restart node alice; link vip changes");
  EXPECT_TRUE(changed.is_done_with_node("alice"));
  EXPECT_FALSE(changed.is_done_with_node("bob"));
}

TEST(Difference, OfANodeIsAllThatItHas) {
  Difference more = from_base("  bob:", "  carol: {links: {lan: 10.0.0.3}}\n  bob:");
  EXPECT_THAT(more.created_nodes, ElementsAre("carol"));
  EXPECT_THAT(lines(more),
              ElementsAre("create node carol", "create carol: link lan", "create carol: address 10.0.0.3/24 on lan"));
  Difference less =
      difference(described(with(kBase, "  bob:", "  carol: {links: {lan: 10.0.0.3}}\n  bob:")), described(kBase));
  EXPECT_THAT(lines(less), ElementsAre("remove node carol"));
}

TEST(Difference, WhatIsRemovedLastWasMadeFirst) {
  Difference less = from_base(
      "    links: {lan: 10.0.0.1, vip: {kind: dummy, address: 10.9.9.9/32}}\n    routes: [\"10.8.0.0/16 via "
      "10.0.0.2\"]\n",
      "    links: {lan: 10.0.0.1}\n");
  EXPECT_THAT(lines(less), ElementsAre("remove alice: route 10.8.0.0/16", "remove alice: address 10.9.9.9/32 on vip",
                                       "remove alice: link vip"));
}

TEST(Difference, RulesComeAndGoButARulesetsTextRestartsItsNode) {
  Difference rules = from_base("    sysctls:", "    rules: [\"from 10.0.0.0/24 lookup 100\"]\n    sysctls:");
  EXPECT_THAT(lines(rules), ElementsAre(HasSubstr("create alice: rule from 10.0.0.0/24")));
  EXPECT_THAT(rules.rebuilt_nodes, IsEmpty());
  std::string text = with(kBase, "    sysctls:", "    iptables: \"*filter\\nCOMMIT\\n\"\n    sysctls:");
  EXPECT_THAT(difference(described(text), described(kBase)).rebuilt_nodes,
              ElementsAre(Pair("alice", ElementsAre("ruleset of iptables is removed"))));
  Difference impaired =
      from_base("bob: {links: {lan: 10.0.0.2}", "bob: {links: {lan: {address: 10.0.0.2, impairment: {rate: 1mbit}}}");
  EXPECT_THAT(lines(impaired), ElementsAre("create bob: impairment of link lan"));
}

TEST(Difference, ACableBetweenTwoNodesComesAndGoesButIsNotReplaced) {
  std::string wired = with(kBase, "networks: {", "networks: {p2p: {kind: point-to-point, subnet: 10.5.0.0/30}, ");
  wired = with(wired, "alice:\n    links: {", "alice:\n    links: {p2p: 10.5.0.1, ");
  wired = with(wired, "bob: {links: {", "bob: {links: {p2p: 10.5.0.2, ");
  Difference made = difference(described(kBase), described(wired));
  EXPECT_THAT(made.refusals, IsEmpty());
  EXPECT_THAT(made.rebuilt_nodes, IsEmpty());
  std::string other = with(wired, "p2p: 10.5.0.1", "p2p: {address: 10.5.0.1, mac: \"02:00:00:00:00:09\"}");
  EXPECT_THAT(difference(described(wired), described(other)).refusals,
              testing::Contains(HasSubstr("cannot be made another one in place")));
}

TEST(Difference, OfManifestsIsTheirObjects) {
  EXPECT_THAT(lines(from_cluster("a: \"1\"", "a: \"2\"")), ElementsAre("change ConfigMap one; data.a 1 → 2"));
  EXPECT_THAT(lines(from_cluster("name: one", "name: two")),
              ElementsAre("remove ConfigMap one", "create ConfigMap two"));
}

TEST(Difference, OfAClusterIsItsWorkers) {
  Difference more = from_cluster("workers: [w1]", "workers: [w1, w2]");
  EXPECT_THAT(more.refusals, IsEmpty());
  EXPECT_THAT(more.rebuilt_nodes, ElementsAre(Pair("w2", ElementsAre("it joins the cluster"))));
  Difference less = difference(described(with(kCluster, "workers: [w1]", "workers: [w1, w2]")), described(kCluster));
  EXPECT_THAT(lines(less), testing::Contains("remove Node w2"));
}

TEST(Difference, SaysWhatCannotBeChangedInARunningLab) {
  auto refusals = [](const std::string& before, const std::string& after) {
    return from_cluster(before, after).refusals;
  };
  EXPECT_THAT(refusals("controlPlane: cp", "controlPlane: w2"),
              testing::Contains(HasSubstr("controlPlane cp cannot become w2")));
  EXPECT_THAT(refusals("network: lan}", "network: lan, podCIDR: 10.77.0.0/16}"),
              testing::Contains(HasSubstr("podCIDR")));
  EXPECT_THAT(refusals("workers: [w1]", "workers: [w2, w1]"),
              testing::Contains(HasSubstr("the pods of w1 would move")));
  EXPECT_THAT(refusals("manifests:", "mounts: [{source: /usr/share}]\nmanifests:"),
              testing::Contains(HasSubstr("mounts")));
  EXPECT_THAT(difference(described(kBase),
                         described(with(
                             kBase, "nodes:", "cluster: {controlPlane: alice, workers: [bob], network: lan}\nnodes:")))
                  .refusals,
              testing::Contains(HasSubstr("a running lab can neither become one")));
}

TEST(PartlyDone, IsWhatIsThere) {
  Description before = described(kBase);
  Description after = described(with(with(kBase, "ip_forward: 1", "ip_forward: 0"), "10.9.9.9/32}}", "10.9.9.8/32}}"));
  Difference all = difference(before, after);
  ASSERT_EQ(lines(all).size(), 3u);
  before.plan = partly_done(before.plan, after.plan, {"alice: address 10.9.9.9/32 on vip"});
  EXPECT_THAT(lines(difference(before, after)), ElementsAre("create alice: address 10.9.9.8/32 on vip",
                                                            "change alice: sysctl net.ipv4.ip_forward; value 1 → 0"));
  before.plan =
      partly_done(before.plan, after.plan, {"alice: address 10.9.9.8/32 on vip", "alice: sysctl net.ipv4.ip_forward"});
  EXPECT_THAT(lines(difference(before, after)), IsEmpty());
}

// Every topology of the tree is another lab than every other, and the same as itself.
TEST(Identity, IsOfOneObjectAlone) {
  for (const char* name : {"nodeport", "ipvs-nat", "ipvs-dr"}) {
    std::string path = std::string(SOURCE_DIR) + "/topologies/" + name + ".yaml";
    Plan plan = make_plan(topology::parse(base::read_file(path), path));
    std::set<std::string> identities;
    for (const Operation& operation : plan.operations)
      EXPECT_TRUE(identities.insert(identity_of(operation)).second) << identity_of(operation);
  }
}

}  // namespace
}  // namespace plan
