#include <re2/re2.h>

#include "labctl/topology/daemons/kind.h"

namespace topology {
namespace {

// A keyword of the configuration; what stands behind "!" or "#" is a comment.
bool says(const std::string& configuration, const std::string& keyword) {
  return RE2::PartialMatch(configuration, "(?m)^[^!#\n]*\\b" + keyword + "\\b");
}

bool balances(const std::string& configuration) {
  return says(configuration, "virtual_server");
}

DaemonStart start(const std::string& configuration, const std::string& folder) {
  DaemonStart start{"keepalived.conf", configuration, {}, {Ready::Log{"Startup complete"}, Duration(20000)}};
  start.arguments = {"keepalived",
                     "--dont-fork",
                     "--log-console",
                     "--log-detail",
                     "--use-file=" + folder + "/keepalived.conf",
                     "--pid=" + folder + "/keepalived.pid",
                     "--vrrp_pid=" + folder + "/vrrp.pid",
                     "--checkers_pid=" + folder + "/checkers.pid"};
  // Its part for IPVS would ask for the kernel's, and complain where there is none.
  if (!balances(configuration)) start.arguments.push_back("--vrrp");
  return start;
}

std::vector<std::string> needs(const std::string& configuration) {
  std::vector<std::string> needs;
  if (balances(configuration)) needs.push_back("ipvs-netlink");
  if (says(configuration, "use_vmac")) needs.push_back("macvlan");
  return needs;
}

}  // namespace

DaemonKind keepalived_kind() {
  return {"keepalived",
          "keepalived (VRRP, IPVS with health checks), and its configuration file, keepalived.conf(5).",
          "\"vrrp_instance web { interface lan virtual_router_id 51 virtual_ipaddress { 192.168.1.100/24 } }\"",
          {{"keepalived", "keepalived"}},
          start,
          needs};
}

}  // namespace topology
