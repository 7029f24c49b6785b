#include "labctl/kernel/probe.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "labctl/kernel/needs.h"

namespace {

// Names only: the counters beside them move by themselves.
std::string links_of_this_namespace() {
  std::string names;
  for (const auto& entry : std::filesystem::directory_iterator("/sys/class/net"))
    names += entry.path().filename().string() + " ";
  return names;
}

TEST(Probe, AnswersEveryNeedInOrderAndSaysWhyNot) {
  if (!kernel::probe_user_namespaces().work) GTEST_SKIP() << "no user namespaces here";
  std::vector<std::string> names;
  for (const kernel::Need& need : kernel::known_needs()) names.push_back(need.name);
  std::vector<kernel::NeedStatus> statuses = kernel::probe_host(names);
  ASSERT_EQ(statuses.size(), names.size());
  for (std::size_t i = 0; i < names.size(); ++i) {
    EXPECT_EQ(statuses[i].need, names[i]);
    EXPECT_EQ(statuses[i].works, statuses[i].why.empty()) << names[i] << ": " << statuses[i].why;
    EXPECT_EQ(statuses[i].why.find('\n'), std::string::npos) << names[i];
    EXPECT_EQ(statuses[i].why.find("File exists"), std::string::npos) << "one trial is in the way of " << names[i];
  }
}

TEST(Probe, TouchesNothingOutsideItsOwnNamespaces) {
  if (!kernel::probe_user_namespaces().work) GTEST_SKIP() << "no user namespaces here";
  std::string before = links_of_this_namespace();
  kernel::probe_host({"veth", "bridge", "iptables"});
  EXPECT_EQ(links_of_this_namespace(), before);
}

TEST(Probe, SettingsOfTheWholeKernelAreNeverTheHosts) {
  if (!kernel::probe_user_namespaces().work) GTEST_SKIP() << "no user namespaces here";
  EXPECT_FALSE(kernel::probe_host({"kernel-sysctl"}).front().works);
}

TEST(Probe, AnUnknownNeedIsSaidToBeUnknown) {
  EXPECT_EQ(kernel::probe_host({"warp-drive"}).front().why, "labctl knows no need of this name");
}

}  // namespace
