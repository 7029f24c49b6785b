// What a pod's resolv.conf says, by its dnsPolicy and dnsConfig.
#pragma once

#include <boost/json/object.hpp>
#include <optional>
#include <string>

#include "lib/kube/objects.h"

namespace nodelet {

struct ClusterDns {
  std::string address;  // of the Service kube-dns; empty where there is none
  std::string domain = "cluster.local";
};

// As the node API wants it; nothing where the pod is to have the node's own.
std::optional<boost::json::object> dns_for(const kube::Pod& pod, const ClusterDns& cluster);

}  // namespace nodelet
