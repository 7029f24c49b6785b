#include "labctl/topology/daemons/kind.h"

namespace topology {

const std::vector<DaemonKind>& daemon_kinds() {
  static const std::vector<DaemonKind> kinds{
      keepalived_kind(),
      nginx_kind(),
      etcd_kind(),
      mariadb_kind(),
  };
  return kinds;
}

}  // namespace topology
