#include "labctl/topology/daemons/kind.h"

namespace topology {
namespace {

// Its data go to default.etcd in the folder it works in, unless the file says otherwise (data-dir).
DaemonStart start(const std::string& configuration, const std::string& folder) {
  return {"etcd.yaml",
          configuration,
          {"etcd", "--config-file", folder + "/etcd.yaml"},
          {Ready::Log{"ready to serve client requests|serving insecure client requests"}, Duration(60000)}};
}

}  // namespace

DaemonKind etcd_kind() {
  return {"etcd",
          "etcd, and its configuration file, which is YAML; write it as a block of text.",
          "\"{listen-client-urls: 'http://0.0.0.0:2379', advertise-client-urls: 'http://192.168.1.1:2379'}\"",
          {{"etcd", "etcd-server"}},
          start};
}

}  // namespace topology
