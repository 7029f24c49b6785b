// The objects of the API that a proxy follows: Services, EndpointSlices, and the Node it runs on.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "agents/proxy/mode.h"
#include "agents/proxy/options.h"
#include "lib/kube/client.h"
#include "lib/kube/informer.h"

namespace proxy {

class Cluster {
 public:
  // CLIENT must outlive it.
  Cluster(kube::Client& client, const Options& options, std::ostream& log);

  // ON_CHANGE: something that may change the node's rules is new, and complete() is true.
  void start(std::function<void()> on_change);

  // All that was there has been seen. With half of it, right rules would be taken for superfluous.
  bool complete() const;
  // What is missing, in words; empty where it is complete.
  std::string missing() const;
  ClusterView view() const;
  // The highest resourceVersion of a Service or EndpointSlice seen so far.
  std::uint64_t newest_version() const { return newest_version_; }

 private:
  template <class T>
  void follow(kube::TypedInformer<T>& informer, const std::string& plural);
  void connection(const std::string& plural, const std::string& reason);
  void see_version(const std::string& resource_version);
  void see_node(const kube::Node& node);
  void changed();

  std::ostream& log_;
  std::string master_;
  std::string node_name_;
  std::vector<Family> families_;
  bool node_ips_given_;
  bool node_seen_ = false;
  std::uint64_t newest_version_ = 0;
  std::vector<netlink::IpAddress> node_ips_;
  std::string zone_;
  std::function<void()> on_change_;
  std::map<std::string, std::string> lost_;  // plural → why
  kube::TypedInformer<kube::Service> services_;
  kube::TypedInformer<kube::EndpointSlice> slices_;
  kube::TypedInformer<kube::Node> nodes_;
};

}  // namespace proxy
