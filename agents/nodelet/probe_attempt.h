// One attempt of a probe: over HTTP or TCP from the node to the pod, or a command in the pod.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>

#include "agents/nodelet/node_api.h"
#include "lib/kube/objects.h"

namespace nodelet {

struct ProbeTarget {
  std::string pod;      // "namespace/name"
  std::string address;  // of the pod
};

struct ProbeResult {
  bool success = false;
  std::string message;  // of a failure
};

// Runs to its end or its timeout. CONTAINER is for ports given by name. Destroying the handle ends it without a result.
std::shared_ptr<void> attempt_probe(boost::asio::io_context& loop, NodeApi& node_api, const kube::Probe& probe,
                                    const kube::Container& container, const ProbeTarget& target,
                                    std::function<void(ProbeResult)> done);

}  // namespace nodelet
