#include "labctl/kernel/modules.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "labctl/kernel/needs.h"
#include "lib/base/error.h"
#include "lib/base/file_descriptor.h"

namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

struct ModuleTreeTest : testing::Test {
  ModuleTreeTest() {
    folder = testing::TempDir() + "labctl-modules-" + std::to_string(::getpid());
    fs::create_directories(folder);
    write("modules.builtin", "kernel/net/unix/unix.ko\nkernel/crypto/crc32c_generic.ko\n");
    write("modules.dep",
          "kernel/net/ip_vs_rr.ko: kernel/net/ip_vs.ko kernel/net/nf_conntrack.ko kernel/net/nf_defrag-ipv4.ko\n"
          "kernel/net/ip_vs.ko: kernel/net/nf_conntrack.ko kernel/net/nf_defrag-ipv4.ko\n"
          "kernel/net/nf_conntrack.ko: kernel/net/nf_defrag-ipv4.ko\n"
          "kernel/net/nf_defrag-ipv4.ko:\n");
  }
  ~ModuleTreeTest() override { fs::remove_all(folder); }

  void write(const std::string& name, const std::string& text) {
    base::FileDescriptor file = base::open_file(folder + "/" + name, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    base::write_all(file.get(), text);
  }
  std::vector<std::string> order(const std::vector<std::string>& modules) {
    std::vector<std::string> names;
    for (const fs::path& file : kernel::ModuleTree(folder).load_order(modules))
      names.push_back(kernel::module_name(file));
    return names;
  }

  std::string folder;
};

TEST_F(ModuleTreeTest, DependenciesComeFirstAndOnce) {
  EXPECT_THAT(order({"ip_vs_rr", "ip_vs"}), ElementsAre("nf_defrag_ipv4", "nf_conntrack", "ip_vs", "ip_vs_rr"));
}

TEST_F(ModuleTreeTest, WhatIsBuiltInIsNotLoaded) {
  EXPECT_THAT(order({"unix", "crc32c_generic"}), ElementsAre());
}

TEST_F(ModuleTreeTest, AMissingModuleIsNamed) {
  try {
    order({"ip_vs", "wireguard"});
    FAIL() << "no error";
  } catch (const base::Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("module wireguard: not found in " + folder));
  }
}

TEST(ModuleName, IsWrittenAsLsmodDoes) {
  EXPECT_EQ(kernel::module_name("kernel/net/nf_defrag-ipv4.ko"), "nf_defrag_ipv4");
  EXPECT_EQ(kernel::module_name("sch_netem.ko.xz"), "sch_netem");
}

TEST(Needs, EveryModuleOfANeedUmlServesIsInItsTree) {
  fs::path modules(kernel::kUmlModules);
  if (!fs::exists(modules)) GTEST_SKIP() << "user-mode-linux is not installed";
  kernel::ModuleTree tree(fs::directory_iterator(modules)->path());
  for (const kernel::Need& need : kernel::known_needs()) {
    if (!need.not_in_uml.empty()) continue;
    for (const std::string& module : need.modules) EXPECT_TRUE(tree.has(module)) << need.name << ": " << module;
  }
}

TEST(Needs, ModulesAreThoseOfTheNeedsAndNoOthers) {
  EXPECT_THAT(kernel::modules_for({"vxlan", "veth"}), ElementsAre("veth", "vxlan"));
}

}  // namespace
