// kube-proxy's ipvs mode: one virtual server per address and port of a Service, a dummy device that makes the addresses
// local, and iptables rules over IP sets for what IPVS does not do (masquerading, filtering).
#pragma once

#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "agents/proxy/ipvs/linux_kernel.h"
#include "agents/proxy/ipvs/programmer.h"
#include "agents/proxy/mode.h"
#include "agents/proxy/report.h"
#include "agents/proxy/stale_connections.h"

namespace proxy::ipvs {

class IpvsMode : public Mode {
 public:
  IpvsMode(const Options& options, std::ostream& log);

  bool sync(const ClusterView& cluster, bool verify) override;

 private:
  struct OneFamily {
    OneFamily(std::shared_ptr<KernelClients> clients, const Options& options, Family its_family, std::ostream& log);
    bool sync(const ClusterView& cluster, const Options& options, bool verify);
    void drop_stale_connections(const std::vector<ServicePort>& ports, const std::vector<netlink::IpAddress>& addresses,
                                Report& report);

    Family family;
    LinuxKernel kernel;
    Programmer programmer;
    StaleConnections stale_connections;
    bool stale_connections_wait = false;  // those of an earlier change could not be deleted
    ReportLog log;
  };

  Options options_;
  std::vector<std::unique_ptr<OneFamily>> families_;
};

void clean_up(const Options& options, std::ostream& log);
std::string describe(const Options& options, const ClusterView& cluster);

}  // namespace proxy::ipvs
