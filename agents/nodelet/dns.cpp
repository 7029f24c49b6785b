#include "agents/nodelet/dns.h"

#include <boost/json/array.hpp>

namespace nodelet {
namespace {

bool uses_cluster_dns(const kube::Pod& pod) {
  if (pod.dns_policy == "ClusterFirstWithHostNet") return true;
  // A pod in its node's network may not reach the cluster's addresses: kubelet, too, gives it the node's servers.
  return pod.dns_policy == "ClusterFirst" && !pod.host_network;
}

boost::json::array strings(const std::vector<std::string>& words) {
  return boost::json::array(words.begin(), words.end());
}

void append(std::vector<std::string>& list, const std::vector<std::string>& more) {
  list.insert(list.end(), more.begin(), more.end());
}

}  // namespace

std::optional<boost::json::object> dns_for(const kube::Pod& pod, const ClusterDns& cluster) {
  std::vector<std::string> servers, searches, options;
  if (uses_cluster_dns(pod) && !cluster.address.empty()) {
    servers = {cluster.address};
    searches = {pod.metadata.namespace_name + ".svc." + cluster.domain, "svc." + cluster.domain, cluster.domain};
    options = {"ndots:5"};
  }
  append(servers, pod.dns_nameservers);
  append(searches, pod.dns_searches);
  for (const std::string& option : pod.dns_options) {
    std::string name = option.substr(0, option.find(':'));
    std::erase_if(options, [&](const std::string& other) { return other.substr(0, other.find(':')) == name; });
    options.push_back(option);
  }
  if (servers.empty() && searches.empty() && options.empty()) return std::nullopt;
  return boost::json::object{
      {"nameservers", strings(servers)}, {"searches", strings(searches)}, {"options", strings(options)}};
}

}  // namespace nodelet
