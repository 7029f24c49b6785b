#include "agents/overlay/lease.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace overlay {
namespace {

kube::Node node(const std::string& text) {
  return kube::Node::parse(boost::json::parse(text).as_object());
}

// As flanneld 0.26 leaves a Node.
constexpr const char* by_flanneld = R"({"metadata": {"name": "worker1", "annotations": {
  "flannel.alpha.coreos.com/backend-data": "{\"VNI\":1,\"VtepMAC\":\"ea:5f:10:22:33:44\"}",
  "flannel.alpha.coreos.com/backend-type": "vxlan",
  "flannel.alpha.coreos.com/kube-subnet-manager": "true",
  "flannel.alpha.coreos.com/public-ip": "192.168.113.11"}},
  "spec": {"podCIDR": "10.244.1.0/24"},
  "status": {"conditions": [{"type": "NetworkUnavailable", "status": "False", "reason": "FlannelIsUp"}]}})";

Lease lease() {
  return {"worker1", *netlink::Prefix::parse("10.244.1.0/24"), *netlink::IpAddress::parse("192.168.113.11"), "vxlan",
          R"({"VNI":1,"VtepMAC":"ea:5f:10:22:33:44"})"};
}

TEST(Lease, IsReadFromWhatFlanneldWrites) {
  EXPECT_EQ(lease_of(node(by_flanneld)), lease());
}

TEST(Lease, IsNoneWithoutSubnetOrAnnotations) {
  kube::Node without_subnet = node(by_flanneld);
  without_subnet.pod_cidr.clear();
  EXPECT_FALSE(lease_of(without_subnet));
  kube::Node not_managed = node(by_flanneld);
  not_managed.metadata.annotations["flannel.alpha.coreos.com/kube-subnet-manager"] = "false";
  EXPECT_FALSE(lease_of(not_managed));
  kube::Node nowhere = node(by_flanneld);
  nowhere.metadata.annotations["flannel.alpha.coreos.com/public-ip"] = "somewhere";
  EXPECT_FALSE(lease_of(nowhere));
}

TEST(Lease, IsAnnouncedInFlannelsWords) {
  EXPECT_TRUE(is_announced(node(by_flanneld), lease()));
  kube::Object patch = announcement(lease()).as_object();
  EXPECT_EQ(kube::object_at(patch, "metadata.annotations"),
            kube::object_at(boost::json::parse(by_flanneld).as_object(), "metadata.annotations"));
  kube::Object condition = kube::array_at(patch, "status.conditions").at(0).as_object();
  EXPECT_EQ(kube::text_at(condition, "type"), "NetworkUnavailable");
  EXPECT_EQ(kube::text_at(condition, "status"), "False");
  EXPECT_EQ(kube::text_at(condition, "reason"), "FlannelIsUp");
}

TEST(Lease, IsAnnouncedAnewWhenAnythingOfItChanges) {
  Lease moved = lease();
  moved.public_ip = *netlink::IpAddress::parse("192.168.113.12");
  EXPECT_FALSE(is_announced(node(by_flanneld), moved));
  kube::Node unavailable = node(by_flanneld);
  unavailable.conditions[0].status = "True";
  EXPECT_FALSE(is_announced(unavailable, lease()));
}

TEST(Lease, KnowsTheAdministratorsAddress) {
  kube::Node overwritten = node(by_flanneld);
  EXPECT_FALSE(public_ip_overwrite(overwritten));
  overwritten.metadata.annotations["flannel.alpha.coreos.com/public-ip-overwrite"] = "203.0.113.7";
  EXPECT_EQ(public_ip_overwrite(overwritten), netlink::IpAddress::parse("203.0.113.7"));
}

}  // namespace
}  // namespace overlay
