// topologies/ipvs-nat.yaml proves what it says, and proves nothing where the cause is missing: each of its negatives
// turns red once what makes it fail is taken away.
#include "tests/lab/scenario/labctl_test.h"

namespace {

class IpvsNat : public LabctlTest {
 protected:
  // The topology with OLD replaced by NEW, everywhere.
  std::string changed(const std::vector<std::pair<std::string, std::string>>& replacements) {
    std::string text = base::read_file(TOPOLOGIES "/ipvs-nat.yaml");
    for (const auto& [before, after] : replacements) {
      size_t at = text.find(before);
      if (at == std::string::npos) throw std::runtime_error("the topology has no \"" + before + "\"");
      text.replace(at, before.size(), after);
    }
    return file("ipvs-nat.yaml", text);
  }
  static std::string failed_name(const boost::json::object& run) {
    size_t step = failed_step(run);
    return step == 0 ? "none" : std::string(run.at("steps").at(step - 1).at("what").as_string());
  }
};

// The textbook's way: the answers come back through the director, which needs no SNAT.
TEST_F(IpvsNat, DnatAloneWorksWhereTheRealServersAnswerThroughTheDirector) {
  std::string route = "}, routes: [192.168.113.102 via 192.168.113.101], workloads";
  boost::json::object result = run(changed({{"192.168.113.99 }, workloads", "192.168.113.99 " + route},
                                            {"192.168.113.100 }, workloads", "192.168.113.100 " + route}}));
  if (could_not_run()) GTEST_SKIP() << why_;
  EXPECT_EQ(failed_name(result), "DNAT alone fails") << shown_;
}

TEST_F(IpvsNat, TheRuleWorksAtOnceWhereConnectionsAreTrackedFromTheBeginning) {
  boost::json::object result = run(changed({{"net.ipv4.vs.conntrack: 0", "net.ipv4.vs.conntrack: 1"}}));
  if (could_not_run()) GTEST_SKIP() << why_;
  EXPECT_EQ(failed_name(result), "it still fails") << shown_;
}

TEST_F(IpvsNat, TrackingAloneDoesNotMakeItWork) {
  boost::json::object result =
      run(changed({{"-j MASQUERADE", "-j RETURN"}, {"status: 200", "status: 200\n      timeout: 1s"}}));
  if (could_not_run()) GTEST_SKIP() << why_;
  EXPECT_EQ(failed_name(result), "it works, both real servers answer, and see the director as their client") << shown_;
}

}  // namespace
