#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "labctl/kernel/provider.h"
#include "lib/base/file_descriptor.h"
#include "tests/unit/labctl/commands/command_line.h"
#include "tests/unit/labctl/lab/fake_lab.h"

namespace commands {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

constexpr const char* kWire = R"(version: 1
name: wire
networks: {lan: {subnet: 192.168.1.0/24}}
nodes:
  a: {links: {lan: 192.168.1.1}}
  b: {links: {lan: 192.168.1.2}}
)";

class TopologyCommandsTest : public ::testing::Test {
 protected:
  std::string write(const std::string& name, const std::string& contents) {
    fs::path path = files_.path() / name;
    fs::create_directories(path.parent_path());
    base::write_all(base::open_file(path, O_WRONLY | O_CREAT | O_TRUNC, 0644).get(), contents);
    return path;
  }

  fake::RuntimeDirectory directory_;
  fake::TemporaryFolder files_;
};

TEST_F(TopologyCommandsTest, ValidateSaysAllFaultsOfAllFiles) {
  std::string good = write("good.yaml", kWire), bad = write("bad.yaml", "version: 1\nname: x\nnodse: {}\nnets: 1\n");
  Outcome outcome = labctl({"validate", good, bad});
  EXPECT_EQ(outcome.exit_code, kBadInput);
  EXPECT_EQ(outcome.out, good + ": valid\n");
  EXPECT_THAT(outcome.err, HasSubstr(bad + ":3:1: unknown key \"nodse\""));
  EXPECT_THAT(outcome.err, HasSubstr(bad + ":4:1: "));
  EXPECT_EQ(labctl({"validate", good}).exit_code, 0);
}

TEST_F(TopologyCommandsTest, ValidateReadsAFolderAndManifestsByPath) {
  write("t/a.yaml", kWire);
  std::string manifests =
      std::string(kWire) + "cluster: {controlPlane: a, workers: [b], network: lan}\nmanifests: [web.json]\n";
  std::string b = write("t/b.yml", manifests);
  write("t/web.json", "{\"kind\": \"Pod\"}");
  Outcome outcome = labctl({"validate", files_.path() / "t"});
  EXPECT_EQ(outcome.exit_code, kBadInput);
  EXPECT_THAT(outcome.out, HasSubstr("a.yaml: valid"));
  EXPECT_THAT(outcome.err, HasSubstr("web.json"));
  EXPECT_EQ(labctl({"validate", write("empty/readme.md", "")}).exit_code, kBadInput);
  Outcome none = labctl({"validate", files_.path() / "empty"});
  EXPECT_EQ(none.exit_code, kBadInput);
  EXPECT_THAT(none.err, HasSubstr("no topology"));
}

TEST_F(TopologyCommandsTest, ValidateIsForScriptsToo) {
  std::string bad = write("bad.yaml", "version: 1\nname: x\nnodse: {}\n");
  Outcome outcome = labctl({"validate", "--json", bad, "/nosuch.yaml"});
  EXPECT_EQ(outcome.exit_code, kBadInput);
  EXPECT_EQ(outcome.err, "");
  boost::json::value all = boost::json::parse(outcome.out);
  EXPECT_EQ(all.at("files").at(0).at("valid"), false);
  EXPECT_EQ(all.at("files").at(0).at("faults").at(0).at("line"), 3);
  EXPECT_THAT(std::string(all.at("files").at(1).at("faults").at(0).at("message").as_string()),
              HasSubstr("No such file"));
}

TEST_F(TopologyCommandsTest, GraphIsDrawnInTheFormatOfTheOutputsName) {
  std::string path = write("wire.yaml", kWire);
  EXPECT_THAT(labctl({"graph", path}).out, HasSubstr("flowchart"));
  EXPECT_THAT(labctl({"graph", path, "--format", "dot"}).out, HasSubstr("graph \"wire\" {"));
  fs::path svg = files_.path() / "wire.svg";
  Outcome outcome = labctl({"graph", path, "-o", svg});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.out, "");
  EXPECT_THAT(base::read_file(svg), HasSubstr("<svg "));
  EXPECT_EQ(labctl({"graph", path, "--format", "png"}).exit_code, kBadInput);
  fs::path png = files_.path() / "wire.png";
  EXPECT_THAT(labctl({"graph", path, "-o", png}).err, HasSubstr("no format has the extension .png: say --format"));
  EXPECT_FALSE(fs::exists(png));
  EXPECT_EQ(labctl({"graph", write("bad.yaml", "nodes: 1\n")}).exit_code, kBadInput);
  EXPECT_THAT(labctl({"graph", "nosuchlab"}).err, HasSubstr("nosuchlab"));
}

TEST_F(TopologyCommandsTest, PlanIsShownInThreeWays) {
  std::string path = write("wire.yaml", kWire);
  EXPECT_THAT(labctl({"plan", path}).out, HasSubstr("lab wire\n"));
  EXPECT_THAT(labctl({"plan", path, "--name", "other"}).out, HasSubstr("lab other\n"));
  EXPECT_THAT(labctl({"plan", path, "--shell"}).out, HasSubstr("ip netns add a\n"));
  EXPECT_EQ(boost::json::parse(labctl({"plan", path, "--json"}).out).at("lab"), "wire");
}

TEST_F(TopologyCommandsTest, UpRefusesBeforeItTouchesAnything) {
  std::string good = write("wire.yaml", kWire), bad = write("bad.yaml", "version: 1\n");
  EXPECT_EQ(labctl({"up", bad}).exit_code, kBadInput);
  EXPECT_EQ(labctl({"up", "/nosuch.yaml"}).exit_code, kBadInput);
  EXPECT_EQ(labctl({"up", good, "--name", "no/name"}).exit_code, kBadInput);
  EXPECT_TRUE(fs::is_empty(directory_.path()));
}

TEST_F(TopologyCommandsTest, UpSaysWhatTheKernelLacks) {
  auto host = kernel::make_host_provider();
  if (!host->availability().available) GTEST_SKIP() << "no user namespaces";
  if (host->serves({"kernel-sysctl"}).front().works) GTEST_SKIP() << "the host's kernel serves even this";
  std::string path = write("t.yaml", std::string(kWire) + "  c: {sysctls: {net.netfilter.nf_conntrack_max: 1000}}\n");
  Outcome outcome = labctl({"up", path, "--kernel", "host"});
  EXPECT_EQ(outcome.exit_code, kCannotRun);
  EXPECT_THAT(outcome.err, HasSubstr("lacks kernel-sysctl"));
  EXPECT_THAT(outcome.err, HasSubstr("node c"));
  EXPECT_TRUE(fs::is_empty(directory_.path()));
}

TEST_F(TopologyCommandsTest, UpSaysWhichPackageHasADaemonThatIsNotInstalled) {
  std::string path = write("t.yaml", "version: 1\nname: store\nnodes: {a: {workloads: {kv: {etcd: x}}}}\n");
  std::string before = std::getenv("PATH");
  ::setenv("PATH", directory_.path().c_str(), 1);
  Outcome outcome = labctl({"up", path});
  ::setenv("PATH", before.c_str(), 1);
  EXPECT_EQ(outcome.exit_code, kCannotRun);
  EXPECT_THAT(outcome.err, HasSubstr("node a: workload kv: etcd is not installed"));
  EXPECT_THAT(outcome.err, HasSubstr("sudo apt install etcd-server"));
}

TEST_F(TopologyCommandsTest, DoctorSaysWhatEachTopologyRunsOn) {
  if (!kernel::make_host_provider()->availability().available) GTEST_SKIP() << "no user namespaces";
  std::string good = write("wire.yaml", kWire), bad = write("bad.yaml", "version: 1\n");
  Outcome outcome = labctl({"doctor", good});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("  " + good + " runs on "));
  EXPECT_THAT(outcome.out, HasSubstr("serves veth bridge"));
  Outcome json = labctl({"doctor", "--json", good, bad});
  EXPECT_EQ(json.exit_code, kBadInput);
  boost::json::value report = boost::json::parse(json.out);
  EXPECT_EQ(report.at("topologies").at(0).at("runs"), true);
  EXPECT_EQ(report.at("topologies").at(1).at("runs"), false);
  EXPECT_EQ(report.at("providers").at(0).at("name"), "host");
}

}  // namespace
}  // namespace commands
