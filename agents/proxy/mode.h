// A way to program the kernel: ipvs, iptables or nftables. Everything else of the agent is common to them.
#pragma once

#include <map>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "agents/proxy/options.h"
#include "agents/proxy/service_port.h"

namespace proxy {

// The cluster as this node sees it.
struct ClusterView {
  std::map<Family, std::vector<ServicePort>> ports;  // of the families that the options ask for
  std::string zone;
  std::vector<netlink::IpAddress> node_ips;
};

class Mode {
 public:
  virtual ~Mode() = default;
  // Makes the kernel equal to CLUSTER. What it remembers of the kernel is looked up again where VERIFY is set. What the
  // kernel refuses is logged, and tried again the next time; returns whether there was nothing of that.
  virtual bool sync(const ClusterView& cluster, bool verify) = 0;
};

// Throws base::Error where there is no such mode, or the kernel does not serve it. When it verifies for the first time,
// it takes away what another mode has left.
std::unique_ptr<Mode> make_mode(const Options& options, std::ostream& log);

// Takes away everything that any mode can have made, of both families, and whoever made it: kube-proxy's are the same
// names.
void clean_up(const Options& options, std::ostream& log);

// What the mode would program, as commands; asks the kernel for nothing but the node's addresses.
std::string describe(const Options& options, const ClusterView& cluster);

}  // namespace proxy
