// Which tools a lab has, from what they say of themselves.
#include "labctl/scenario/versions.h"

#include <gmock/gmock.h>

#include "lib/base/run.h"
#include "tests/unit/labctl/scenario/fake_lab.h"

namespace scenario {
namespace {

using testing::_;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;
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

TEST(ToolVersions, AreNotWhatAToolSaysThatFails) {
  FakeLab lab;
  lab.node_list = {{{"name", "ds"}}};
  // The script itself, by programs of the same names.
  lab.answer = [](const lab::Command& command) {
    std::string programs =
        "ipvsadm() { echo 'no module in /lib/modules/6.18.44'; return 2; }\nip() { echo 'iproute2-6.1.0'; }\n";
    base::RunResult result =
        base::run_command({"env", "PATH=/bin:/usr/bin", "sh", "-c", programs + command.arguments[2]});
    return printed(result.output);
  };
  EXPECT_THAT(tool_versions(lab), AllOf(Contains(Pair("iproute2", "6.1.0")), Not(Contains(Pair("ipvsadm", _)))));
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
