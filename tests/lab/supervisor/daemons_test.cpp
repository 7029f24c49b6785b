// Daemons whose configuration stands in the topology.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/lab/running_lab/running_lab.h"

namespace {

using running_lab::RunningLab;
using testing::HasSubstr;

class DaemonsTest : public running_lab::EachKernel {};
INSTANTIATE_TEST_SUITE_P(Kernels, DaemonsTest, testing::Values("host", "uml"), running_lab::name_of_kernel);

TEST_P(DaemonsTest, NginxServesWhatItsConfigurationSaysInEveryNode) {
  RunningLab lab(R"(
version: 1
name: nginx
nodes:
  alice:
    workloads: { web: { nginx: "events {} http { server { listen 81; return 200 alice; } }" } }
  bob:
    workloads: { web: { nginx: "events {} http { access_log /dev/stdout; server { listen 81; return 200 bob; } }" } }
)",
                 kernel());
  EXPECT_EQ(lab.run("alice", "curl -s http://127.0.0.1:81/"), "alice");
  EXPECT_EQ(lab.run("bob", "curl -s http://127.0.0.1:81/"), "bob");
  EXPECT_THAT(lab.run("bob", "cat /run/web/nginx.conf"), HasSubstr("return 200 bob"));
}

TEST_P(DaemonsTest, MariaDbKeepsItsDataUntilItsNodeIsRestarted) {
  RunningLab lab(R"(
version: 1
name: mariadb
nodes: { alice: { workloads: { db: { mariadb: "port = 3307\nmax-connections = 13" } } } }
)",
                 kernel());
  const std::string wait = "until mariadb -e 'SELECT 1' >/dev/null 2>&1; do sleep 0.05; done; ";
  EXPECT_EQ(lab.run("alice", "mariadb -N -e 'SELECT @@port, @@max_connections'"), "3307\t13\n");
  lab.run("alice", "mariadb -e 'CREATE DATABASE kept'");
  lab.control().restart_process("db@alice");
  EXPECT_EQ(lab.run("alice", wait + "mariadb -N -e \"SHOW DATABASES LIKE 'kept'\""), "kept\n");
  lab.control().restart_node("alice");
  EXPECT_EQ(lab.run("alice", wait + "mariadb -N -e \"SHOW DATABASES LIKE 'kept'\""), "");
}

}  // namespace
