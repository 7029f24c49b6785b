// Services and slices from manifests, and short ways to say what the tests say all the time.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "agents/proxy/service_port.h"
#include "lib/kube/manifest.h"
#include "lib/netlink/address.h"

namespace proxy {

inline netlink::IpAddress ip(const std::string& text) {
  return netlink::IpAddress::parse(text).value();
}
inline netlink::Prefix prefix(const std::string& text) {
  return netlink::Prefix::parse(text).value();
}

struct Objects {
  Services services;
  Slices slices;

  explicit Objects(const std::string& manifests) {
    for (const kube::Object& object : kube::read_manifests(manifests, "test.yaml")) {
      std::string key = kube::key_of(object);
      std::string kind = kube::text_at(object, "kind");
      if (kind == "Service") services[key] = kube::Service::parse(object);
      if (kind == "EndpointSlice") slices[key] = kube::EndpointSlice::parse(object);
    }
  }

  // As node n1 sees them.
  std::vector<ServicePort> ports(Family family = Family::ipv4) const {
    return service_ports(services, slices, "n1", family);
  }
};

// A Service "default/NAME" whose spec is SPEC, in YAML's flow style.
inline std::string service(const std::string& name, const std::string& spec, const std::string& status = "{}") {
  return "---\napiVersion: v1\nkind: Service\nmetadata: {name: " + name + ", namespace: default}\nspec: " + spec +
         "\nstatus: " + status + "\n";
}

// A slice of it; PORTS and ENDPOINTS in YAML's flow style.
inline std::string slice(const std::string& of, const std::string& ports, const std::string& endpoints,
                         const std::string& name = {}, const std::string& address_type = "IPv4") {
  return "---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: " + (name.empty() ? of : name) +
         ", namespace: default, labels: {kubernetes.io/service-name: " + of + "}}\naddressType: " + address_type +
         "\nports: " + ports + "\nendpoints: " + endpoints + "\n";
}

// "10.244.1.2:8080" for each.
inline std::vector<std::string> places(const std::vector<Endpoint>& endpoints) {
  std::vector<std::string> result;
  for (const Endpoint& endpoint : endpoints) {
    result.push_back(endpoint.address.to_string() + ":" + std::to_string(endpoint.port));
  }
  return result;
}

}  // namespace proxy
