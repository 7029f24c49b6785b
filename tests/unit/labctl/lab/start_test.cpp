#include "labctl/lab/start.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <boost/json.hpp>

#include "labctl/lab/agent_programs.h"
#include "tests/unit/labctl/lab/fake_lab.h"

namespace lab {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr const char* kWire = R"(
version: 1
name: wire
networks: {lan: {subnet: 192.168.1.0/24}}
nodes:
  a: {links: {lan: 192.168.1.1}}
  b: {links: {lan: 192.168.1.2}}
)";

std::string cluster(const std::string& more) {
  return std::string(kWire) + "cluster: {controlPlane: a, workers: [b], network: lan" + more + "}\n";
}

class StartTest : public ::testing::Test {
 protected:
  std::string write(const std::string& name, const std::string& contents) {
    fs::path path = files_.path() / name;
    fs::create_directories(path.parent_path());
    base::write_all(base::open_file(path, O_WRONLY | O_CREAT | O_TRUNC, 0644).get(), contents);
    return path;
  }
  std::string program(const std::string& name) {
    std::string path = write(name, "#!/bin/sh\n");
    ::chmod(path.c_str(), 0755);
    return path;
  }
  template <class Refusal, class Function>
  std::string refusal_of(Function function) {
    try {
      function();
    } catch (const Refusal& error) {
      return error.what();
    }
    return "no refusal of this kind";
  }
  std::vector<std::string> mounts(const std::string& more, const std::string& mounts_of_topology = {}) {
    std::vector<std::string> sources;
    for (const kernel::Mount& mount :
         mounts_of_agent_programs(topology::parse(cluster(more) + mounts_of_topology, "t.yaml"))) {
      EXPECT_EQ(mount.source, mount.target);
      EXPECT_FALSE(mount.writable);
      sources.push_back(mount.source);
    }
    return sources;
  }

  fake::RuntimeDirectory directory_;
  fake::TemporaryFolder files_;
};

TEST_F(StartTest, AStrangersTopologyWritesNothingOfTheHosts) {
  std::string path = write("t.yaml", "version: 1\nname: t\nmounts:\n  - {source: /usr/share/doc, writable: true}\n");
  std::string refusal = refusal_of<BadInput>([&] { prepare(path, {}); });
  EXPECT_THAT(refusal, HasSubstr("t.yaml:4:5: the lab may write /usr/share/doc of this host"));
  EXPECT_THAT(refusal, HasSubstr("--allow-writable"));
  StartOptions trusting;
  trusting.allow_writable = true;
  trusting.kernel = "host";
  EXPECT_TRUE(prepare(path, trusting).spec.mounts.at(0).writable);
}

TEST_F(StartTest, WhatCannotBeReadIsBadInput) {
  EXPECT_THAT(refusal_of<BadInput>([] { read_topology("/nosuch.yaml"); }), HasSubstr("No such file"));
  EXPECT_THAT(refusal_of<BadInput>([this] { read_topology(files_.path()); }), HasSubstr("Is a directory"));
  EXPECT_THAT(refusal_of<BadInput>([] { read_topology("/dev/zero"); }), HasSubstr("larger than 1 MiB"));
}

TEST_F(StartTest, FaultsCarryThePathAsItWasGiven) {
  std::string path = write("bad.yaml", "version: 1\nname: x\nnodse: {}\n");
  EXPECT_THAT(refusal_of<topology::InvalidTopology>([&] { read_topology(path); }), HasSubstr(path + ":3:1: "));
}

TEST_F(StartTest, ManifestsAreReadBesideTheirTopology) {
  std::string path = write("t/t.yaml", cluster("") + "manifests: [web.yaml, more/all.yaml, web.yaml]\n");
  write("t/web.yaml",
        "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: b}\n");
  write(
      "t/more/all.yaml",
      R"({"apiVersion": "v1", "kind": "List", "items": [{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}}]})");
  auto files = read_manifest_files(read_topology(path));
  ASSERT_EQ(files.size(), 2u);
  EXPECT_EQ(boost::json::parse(files.at("web.yaml")),
            boost::json::parse(R"({"apiVersion": "v1", "kind": "List", "items": [
      {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}},
      {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "b"}}]})"));
  EXPECT_THAT(files.at("more/all.yaml"), HasSubstr(R"("items":[{"apiVersion":"v1","kind":"Service")"));
}

TEST_F(StartTest, AManifestThatIsNoneIsBadInputWithItsPlace) {
  std::string path = write("t.yaml", cluster("") + "manifests: [web.yaml]\n");
  EXPECT_THAT(refusal_of<BadInput>([&] { read_manifest_files(read_topology(path)); }),
              HasSubstr("web.yaml: No such file"));
  write("web.yaml", "kind: Pod\n");
  EXPECT_THAT(refusal_of<BadInput>([&] { read_manifest_files(read_topology(path)); }), HasSubstr("web.yaml"));
}

TEST_F(StartTest, ALabIsPreparedFromItsTopologyAndTheOptions) {
  std::string path = write("wire.yaml", std::string(kWire) + "mounts: [{source: /usr/share, target: /run/share}]\n");
  if (!kernel::make_host_provider()->availability().available) GTEST_SKIP() << "no user namespaces";
  Prepared prepared = prepare(path, {"other", "host", 512, std::chrono::seconds(60)});
  EXPECT_EQ(prepared.spec.name, "other");
  EXPECT_EQ(prepared.plan.lab, "other");
  EXPECT_EQ(prepared.folder.path, directory_.path() / "other");
  EXPECT_FALSE(fs::exists(prepared.folder.path)) << "nothing is touched yet";
  EXPECT_EQ(prepared.spec.provider, "host");
  EXPECT_EQ(prepared.spec.topology_path, path);
  EXPECT_EQ(prepared.spec.topology_text.find("mounts:") != std::string::npos, true);
  EXPECT_EQ(prepared.spec.options.at("ttlSeconds"), 60);
  EXPECT_EQ(prepared.spec.memory_mib, 512u);
  ASSERT_EQ(prepared.spec.mounts.size(), 1u);
  EXPECT_EQ(prepared.spec.mounts[0].target, "/run/share");
}

TEST_F(StartTest, AKernelThatIsNotThereCannotRun) {
  std::string path = write("wire.yaml", kWire);
  EXPECT_THAT(refusal_of<CannotRun>([&] { prepare(path, {"", "minix", 0, {}}); }), HasSubstr("minix"));
}

TEST_F(StartTest, AFailedStartLeavesNothing) {
  Prepared prepared;
  prepared.folder = lab_folder("wire");
  prepared.spec.name = "wire";
  prepared.spec.provider = "host";
  // The installation is that of this test program, which has no lab-shell beside it.
  EXPECT_THROW(start(prepared, nullptr), base::Error);
  EXPECT_FALSE(fs::exists(prepared.folder.path));
}

// ---- agents of the user's own

TEST_F(StartTest, TheFolderOfAHiddenAgentIsShown) {
  std::string proxy = program("build/my-proxy");
  EXPECT_THAT(mounts(", proxy: {run: \"" + proxy + " --master=$API\"}"), ElementsAre(fs::path(proxy).parent_path()));
  EXPECT_THAT(mounts(", proxy: {run: \"'" + proxy + "' x\"}, overlay: {run: " + program("build/over") + "}"),
              ElementsAre(fs::path(proxy).parent_path()));
}

TEST_F(StartTest, WhatALabSeesAnywayIsNotMounted) {
  EXPECT_THAT(mounts(", proxy: {run: /usr/bin/env}"), ElementsAre());
  EXPECT_THAT(mounts(", proxy: {run: my-proxy --flag}"), ElementsAre());
  EXPECT_THAT(mounts(", proxy: {run: /run/labctl/libexec/proxy}"), ElementsAre());
  std::string proxy = program("build/my-proxy");
  EXPECT_THAT(mounts(", proxy: {run: " + proxy + "}", "mounts: [{source: " + files_.path().string() + "}]\n"),
              ElementsAre());
}

TEST_F(StartTest, AFolderThatIsTooMuchIsNotShownForOneFileInIt) {
  std::string path = "/tmp/labctl-unit-agent-" + std::to_string(::getpid());
  base::write_all(base::open_file(path, O_WRONLY | O_CREAT, 0755).get(), "#!/bin/sh\n");
  EXPECT_THAT(mounts(", proxy: {run: " + path + "}"), ElementsAre(path));
  ::unlink(path.c_str());
}

TEST_F(StartTest, WhatALinkLeadsToIsShownToo) {
  std::string proxy = program("real/my-proxy");
  fs::create_directory(files_.path() / "links");
  fs::create_symlink(proxy, files_.path() / "links" / "proxy");
  EXPECT_THAT(mounts(", proxy: {run: " + (files_.path() / "links" / "proxy").string() + "}"),
              ElementsAre(files_.path() / "links", files_.path() / "real"));
}

TEST_F(StartTest, AnAgentThatIsNotThereIsRefusedAtOnce) {
  EXPECT_THAT(refusal_of<BadInput>([&] { mounts(", proxy: {run: /tmp/nosuch-proxy}"); }),
              HasSubstr("cluster: proxy: run"));
  EXPECT_THAT(refusal_of<BadInput>([&] { mounts(", overlay: {run: ./build/overlay}"); }), HasSubstr("absolute"));
}

}  // namespace
}  // namespace lab
