#include <fmt/format.h>

#include "labctl/topology/daemons/kind.h"

namespace topology {
namespace {

// What a server of a lab needs; what the option file says comes later, and wins.
// innodb-buffer-pool-size-max: without it the server reserves 8 TiB of addresses, and a process of user-mode Linux has
// half a TiB (VmallocTotal). To versions that do not know it, "loose" makes it no fault.
constexpr const char* options = R"([mariadbd]
user = root
datadir = {0}/data
socket = /run/mysqld/mysqld.sock
pid-file = {0}/mariadbd.pid
tmpdir = /tmp
skip-networking = 0
bind-address = 0.0.0.0
skip-name-resolve
innodb-buffer-pool-size = 16M
loose-innodb-buffer-pool-size-max = 64M
innodb-log-file-size = 8M
innodb-use-native-aio = 0
key-buffer-size = 1M
aria-pagecache-buffer-size = 4M
max-connections = 32
)";

// The data directory is prepared once: a server that is started again finds its data. It gets its name when it is
// whole, as whoever prepares it may be killed.
constexpr const char* command = R"(set -e
mkdir -p /run/mysqld
if [ ! -d {0}/data ]; then
  rm -rf {0}/data.new
  mariadb-install-db --defaults-file={0}/my.cnf --datadir={0}/data.new --auth-root-authentication-method=normal \
    --skip-test-db >{0}/install.log 2>&1 || {{ cat {0}/install.log; exit 1; }}
  mv {0}/data.new {0}/data
fi
exec mariadbd --defaults-file={0}/my.cnf)";

DaemonStart start(const std::string& configuration, const std::string& folder) {
  return {"my.cnf",
          fmt::format(fmt::runtime(options), folder) + configuration,
          {"sh", "-c", fmt::format(fmt::runtime(command), folder)},
          {Ready::Log{"ready for connections"}, Duration(120000)}};
}

}  // namespace

DaemonKind mariadb_kind() {
  return {"mariadb",
          "A MariaDB server, and its option file; root needs no password at its socket. Its data are prepared once, "
          "survive its restart, and are gone with the node's.",
          "\"server-id = 1\"",
          {{"mariadbd", "mariadb-server-core"}, {"mariadb-install-db", "mariadb-server-core"}},
          start};
}

}  // namespace topology
