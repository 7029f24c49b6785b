#include "agents/overlay/lease.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

namespace overlay {
namespace {

const std::string annotation_prefix = "flannel.alpha.coreos.com/";

std::string annotation(const kube::Node& node, const std::string& name) {
  auto found = node.metadata.annotations.find(annotation_prefix + name);
  return found == node.metadata.annotations.end() ? std::string() : found->second;
}

kube::StringMap annotations_of(const Lease& lease) {
  return {{annotation_prefix + "kube-subnet-manager", "true"},
          {annotation_prefix + "backend-type", lease.backend_type},
          {annotation_prefix + "backend-data", lease.backend_data},
          {annotation_prefix + "public-ip", lease.public_ip.to_string()}};
}

}  // namespace

std::optional<Lease> lease_of(const kube::Node& node) {
  if (annotation(node, "kube-subnet-manager") != "true") return std::nullopt;
  std::optional<netlink::Prefix> subnet = netlink::Prefix::parse(node.pod_cidr);
  std::optional<netlink::IpAddress> public_ip = netlink::IpAddress::parse(annotation(node, "public-ip"));
  if (!subnet || !public_ip) return std::nullopt;
  return Lease{node.metadata.name, subnet->network(), *public_ip, annotation(node, "backend-type"),
               annotation(node, "backend-data")};
}

std::optional<netlink::IpAddress> public_ip_overwrite(const kube::Node& node) {
  return netlink::IpAddress::parse(annotation(node, "public-ip-overwrite"));
}

std::string announced_backend_data(const kube::Node& node) {
  return annotation(node, "backend-data");
}

boost::json::value announcement(const Lease& own) {
  boost::json::object annotations;
  for (const auto& [name, value] : annotations_of(own)) annotations[name] = value;
  std::string now = kube::timestamp_now();
  boost::json::object up{{"type", "NetworkUnavailable"}, {"status", "False"},
                         {"reason", "FlannelIsUp"},      {"message", "Flannel is running on this node"},
                         {"lastTransitionTime", now},    {"lastHeartbeatTime", now}};
  return boost::json::object{{"metadata", boost::json::object{{"annotations", std::move(annotations)}}},
                             {"status", boost::json::object{{"conditions", boost::json::array{std::move(up)}}}}};
}

bool is_announced(const kube::Node& node, const Lease& own) {
  for (const auto& [name, value] : annotations_of(own)) {
    auto found = node.metadata.annotations.find(name);
    if (found == node.metadata.annotations.end() || found->second != value) return false;
  }
  return std::any_of(node.conditions.begin(), node.conditions.end(), [](const kube::Condition& condition) {
    return condition.type == "NetworkUnavailable" && condition.status == "False";
  });
}

}  // namespace overlay
