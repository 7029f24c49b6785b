// Which tools a lab has, from what they say of themselves.
#include "labctl/scenario/versions.h"

#include <gmock/gmock.h>

#include "tests/unit/labctl/scenario/fake_lab.h"

namespace scenario {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

TEST(ToolVersions, AreReadFromWhatToolsSay) {
  FakeLab lab;
  lab.node_list = {{{"name", "ds"}}, {{"name", "client"}}};
  lab.answer = [](const lab::Command& command) {
    EXPECT_EQ(command.node, "ds");
    return printed(
        "iproute2: ip utility, iproute2-6.1.0, libbpf 1.1.0\niptables: iptables v1.8.9 (nf_tables)\n"
        "ipvsadm: ipvsadm v1.31 2019/12/24 (compiled with popt and IPVS v1.2.1)\nnginx: what?\n");
  };
  EXPECT_THAT(tool_versions(lab),
              ElementsAre(Pair("iproute2", "6.1.0"), Pair("iptables", "1.8.9"), Pair("ipvsadm", "1.31")));
}

TEST(ToolVersions, AreLeftOutWhereTheyCannotBeHad) {
  FakeLab lab;
  EXPECT_THAT(tool_versions(lab), IsEmpty()) << "no node";
  lab.node_list = {{{"name", "ds"}}};
  lab.answer = [](const lab::Command&) { return ended(1); };
  EXPECT_THAT(tool_versions(lab), IsEmpty());
}

}  // namespace
}  // namespace scenario
