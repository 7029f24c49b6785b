// What is known of the cluster: one informer a kind.
#pragma once

#include <set>
#include <string>

#include "agents/controller/endpoint_slices.h"
#include "agents/controller/pod_state.h"
#include "lib/kube/informer.h"

namespace controller {

struct Caches {
  explicit Caches(kube::Client& client);

  // Whether all have whole lists and none has lost its connection.
  bool complete() const;
  const Object* find(const kube::Resource& resource, const std::string& key) const;

  kube::TypedInformer<kube::Node> nodes;
  kube::TypedInformer<kube::Pod> pods;
  kube::TypedInformer<kube::Service> services;
  kube::TypedInformer<kube::EndpointSlice> slices;
  kube::TypedInformer<kube::ReplicaSet> replica_sets;
  kube::TypedInformer<kube::Deployment> deployments;
  kube::Informer leases;               // those of nodes
  std::set<std::string> disconnected;  // plural names
};

}  // namespace controller
