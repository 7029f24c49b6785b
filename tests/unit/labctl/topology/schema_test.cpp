// The JSON Schema for editors agrees with the decoder: it accepts what is good, and refuses what has the wrong shape.
// (What must hold between values, such as an address inside its network, no schema can say.)
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "lib/base/file_descriptor.h"
#include "tests/unit/labctl/topology/schema_check.h"

namespace {

namespace fs = std::filesystem;

const fs::path kFolder = fs::path(SOURCE_DIR) / "tests/unit/labctl/topology";

std::vector<fs::path> yaml_files(const fs::path& folder) {
  std::vector<fs::path> files;
  if (!fs::exists(folder)) return files;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() == ".yaml") files.push_back(entry.path());
  }
  return files;
}

TEST(Schema, AcceptsEveryGoodFile) {
  std::vector<fs::path> files = yaml_files(kFolder / "good");
  ASSERT_GE(files.size(), 4u);
  for (const fs::path& file : yaml_files(fs::path(SOURCE_DIR) / "topologies")) files.push_back(file);
  boost::json::array documents;
  for (const fs::path& file : files) documents.push_back(json_of(base::read_file(file)));
  std::vector<std::string> verdicts = judge(documents);
  for (size_t i = 0; i < files.size(); ++i) EXPECT_EQ(verdicts[i], "accepted") << files[i];
}

TEST(Schema, RefusesFilesOfTheWrongShape) {
  std::vector<std::string> names{"bad_agents",
                                 "bad_do",
                                 "bad_expectation_values",
                                 "bad_kills",
                                 "bad_mounts",
                                 "bad_mtu",
                                 "bad_name",
                                 "bad_names_of_objects",
                                 "bad_ready",
                                 "bad_sysctls",
                                 "bad_vxlan",
                                 "bad_workloads",
                                 "cluster_without_workers",
                                 "empty_file",
                                 "keys_of_another_link_kind",
                                 "long_name",
                                 "missing_keys",
                                 "missing_keys_inside",
                                 "null_values",
                                 "only_a_list",
                                 "only_a_word",
                                 "unknown_key",
                                 "unknown_keys_everywhere",
                                 "unknown_link_kind",
                                 "version_is_quoted",
                                 "version_is_text",
                                 "version_of_the_future",
                                 "wrong_types",
                                 "wrong_types_inside"};
  boost::json::array documents;
  for (const std::string& name : names) {
    documents.push_back(json_of(base::read_file(kFolder / "bad" / (name + ".yaml"))));
  }
  std::vector<std::string> verdicts = judge(documents);
  for (size_t i = 0; i < names.size(); ++i) EXPECT_NE(verdicts[i], "accepted") << names[i];
}

// One fault a document, so that none hides another: TEXT is the value of KEY in something that is good otherwise.
struct Misfit {
  std::string where;
  std::string text;
};

TEST(Schema, RefusesEachMisfitByItself) {
  const std::string head = "version: 1\nname: x\n";
  const std::vector<Misfit> misfits{
      {"a list for a mapping", "networks: []"},
      {"a text for a network", "networks: {lan: 10.0.0.0/24}"},
      {"a number for a subnet", "networks: {lan: {subnet: 10}}"},
      {"a fraction for an MTU", "networks: {lan: {mtu: '1500'}}"},
      {"a name with capitals", "nodes: {A: {}}"},
      {"a name of an interface that is taken", "nodes: {a: {links: {lo: {kind: dummy}}}}"},
      {"a key of another kind of link", "nodes: {a: {links: {v: {kind: dummy, vni: 1}}}}"},
      {"a tunnel without identifier", "nodes: {a: {links: {v: {kind: vxlan}}}}"},
      {"an unknown kind of link", "nodes: {a: {links: {v: {kind: tap}}}}"},
      {"a mapping for a route", "nodes: {a: {routes: [{to: default}]}}"},
      {"a sysctl without dots", "nodes: {a: {sysctls: {ip_forward: 1}}}"},
      {"a list for a sysctl", "nodes: {a: {sysctls: {net.ipv4.ip_forward: [1]}}}"},
      {"a virtual service without servers", "nodes: {a: {ipvs: [{service: tcp://10.0.0.1:80}]}}"},
      {"a scheduler that is none",
       "nodes: {a: {ipvs: [{service: tcp://10.0.0.1:80, servers: [], scheduler: random}]}}"},
      {"a duration without unit", "nodes: {a: {ipvs: [{service: tcp://10.0.0.1:80, servers: [], persistent: 3}]}}"},
      {"a port beyond the last", "nodes: {a: {workloads: {w: {serve: http, port: 65536}}}}"},
      {"a protocol that is none", "nodes: {a: {workloads: {w: {serve: ftp}}}}"},
      {"a second word for restart", "nodes: {a: {workloads: {w: {run: x, restart: sometimes}}}}"},
      {"an exit code that is not 0", "nodes: {a: {workloads: {w: {run: x, ready: {exit: 1}}}}}"},
      {"a relative path", "mounts: [{source: home}]"},
      {"a cluster without network", "cluster: {controlPlane: a, workers: [a]}"},
      {"a manifest without kind", "manifests: [{apiVersion: v1, metadata: {name: x}}]"},
      {"an unknown step", "scenario: [{sleep: 5s}]"},
      {"a failure that is none", "scenario: [{expect: {from: a, ping: b, fails: badly}}]"},
      {"a command without node", "scenario: [{do: {run: x}}]"}};
  boost::json::array documents;
  for (const Misfit& misfit : misfits) {
    documents.push_back(json_of(head + misfit.text + "\n"));
    EXPECT_THROW(topology::parse(head + misfit.text + "\n", "x"), topology::InvalidTopology) << misfit.where;
  }
  std::vector<std::string> verdicts = judge(documents);
  for (size_t i = 0; i < misfits.size(); ++i) EXPECT_NE(verdicts[i], "accepted") << misfits[i].where;
}

}  // namespace
