#include "lib/netfilter/ipset/ipset.h"

#include <gmock/gmock.h>

#include "lib/base/error.h"
#include "tests/unit/private_network.h"

namespace {

using netfilter::IpSetDefinition;
using netfilter::IpSets;
using testing::ElementsAre;
using testing::HasSubstr;

class IpSetTest : public PrivateNetwork {};

IpSetDefinition definition(const std::string& name, const std::string& type) {
  IpSetDefinition result;
  result.name = name;
  result.type = type;
  return result;
}

TEST_F(IpSetTest, HoldsEntriesOfEveryTypeThatProxiesUse) {
  IpSets sets;
  sets.create(definition("A", "hash:ip,port"));
  sets.create(definition("B", "hash:ip,port,ip"));
  sets.create(definition("C", "hash:ip,port,net"));
  sets.create(definition("D", "bitmap:port"));
  sets.create(definition("E", "hash:ip"));
  sets.add("A", {"10.108.0.1,tcp:80", "10.108.0.1,udp:53"});
  sets.add("B", {"10.244.1.2,tcp:8080,10.244.1.2"});
  sets.add("C", {"10.0.0.1,tcp:80,192.168.0.0/16"});
  sets.add("D", {"30080", "30081"});
  sets.add("E", {"10.108.0.1"});
  EXPECT_THAT(sets.list("A")->entries, ElementsAre("10.108.0.1,tcp:80", "10.108.0.1,udp:53"));
  EXPECT_THAT(sets.list("B")->entries, ElementsAre("10.244.1.2,tcp:8080,10.244.1.2"));
  EXPECT_THAT(sets.list("C")->entries, ElementsAre("10.0.0.1,tcp:80,192.168.0.0/16"));
  EXPECT_THAT(sets.list("D")->entries, ElementsAre("30080", "30081"));
  EXPECT_THAT(sets.list("E")->entries, ElementsAre("10.108.0.1"));
  EXPECT_EQ(sets.list().size(), 5U);
}

TEST_F(IpSetTest, HoldsIpv6) {
  IpSets sets;
  IpSetDefinition six = definition("SIX", "hash:ip,port");
  six.ipv6 = true;
  sets.replace(six, {"fd00::1,tcp:80"});
  EXPECT_THAT(sets.list("SIX")->entries, ElementsAre("fd00::1,tcp:80"));
  EXPECT_TRUE(sets.list("SIX")->ipv6);
}

TEST_F(IpSetTest, ReplacesTheWholeContentAndLeavesNoTemporarySet) {
  IpSets sets;
  sets.replace(definition("KUBE-CLUSTER-IP", "hash:ip,port"), {"10.0.0.1,tcp:80", "10.0.0.2,tcp:80"});
  sets.replace(definition("KUBE-CLUSTER-IP", "hash:ip,port"), {"10.0.0.3,tcp:80"});
  EXPECT_THAT(sets.list("KUBE-CLUSTER-IP")->entries, ElementsAre("10.0.0.3,tcp:80"));
  EXPECT_EQ(sets.list().size(), 1U);
}

TEST_F(IpSetTest, ReplacesManyEntriesAtOnce) {
  IpSets sets;
  std::vector<std::string> entries;
  for (int i = 0; i < 5000; ++i) entries.push_back("10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250));
  sets.replace(definition("MANY", "hash:ip"), entries);
  EXPECT_EQ(sets.list("MANY")->entries.size(), 5000U);
}

TEST_F(IpSetTest, AddingAndDeletingTwiceIsNoError) {
  IpSets sets;
  sets.create(definition("A", "hash:ip,port"));
  sets.create(definition("A", "hash:ip,port"));
  sets.add("A", {"10.0.0.1,tcp:80"});
  sets.add("A", {"10.0.0.1,tcp:80"});
  sets.remove("A", {"10.0.0.1,tcp:80"});
  sets.remove("A", {"10.0.0.1,tcp:80"});
  EXPECT_TRUE(sets.list("A")->entries.empty());
  EXPECT_TRUE(sets.destroy("A"));
  EXPECT_FALSE(sets.destroy("A"));
  EXPECT_FALSE(sets.list("A").has_value());
}

// libipset's own error handler would end the process here.
TEST_F(IpSetTest, FailuresNameTheSetAndSayWhatIsWrong) {
  IpSets sets;
  sets.create(definition("A", "hash:ip,port"));
  try {
    sets.add("A", {"10.0.0.1"});
    FAIL() << "should have thrown";
  } catch (const base::Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("add 10.0.0.1 of IP set A"));
  }
  EXPECT_THROW(sets.create(definition("A", "hash:ip")), base::Error);
  EXPECT_THROW(sets.create(definition("B", "hash:nonsense")), base::Error);
  EXPECT_THROW(sets.add("MISSING", {"10.0.0.1,tcp:80"}), base::Error);
  // And the session is good for more.
  sets.add("A", {"10.0.0.1,tcp:80"});
  EXPECT_EQ(sets.list("A")->entries.size(), 1U);
}

TEST_F(IpSetTest, SeesASetThatSomebodyElseRecreatedWithAnotherType) {
  IpSets sets;
  sets.create(definition("A", "hash:ip,port"));
  sets.add("A", {"10.0.0.1,tcp:80"});
  ASSERT_EQ(std::system("ipset destroy A && ipset create A hash:ip"), 0);
  EXPECT_EQ(sets.list("A")->type, "hash:ip");
}

}  // namespace
