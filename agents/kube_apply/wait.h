// Waiting for what was applied to come true.
#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "agents/kube_apply/session.h"
#include "lib/kube/objects.h"

namespace kube_apply {

// One --wait argument:
//   "nodes=2"      at least two nodes are Ready; "nodes": all that exist, and at least one
//   "deployments"  every applied Deployment has all its replicas updated and available
//   "pods"         every applied Pod is Ready or has succeeded
//   "services"     every applied Service has its ready pods for endpoints
//   "proxies"      the proxy of every node has programmed all Services
struct Condition {
  enum class Kind { nodes, deployments, pods, services, proxies };
  Kind kind = Kind::nodes;
  size_t count = 0;
  // Throws base::Error.
  static Condition parse(const std::string& text);
};

// What is still missing, in words; empty where the condition holds. Pure: OBJECTS is the list of that kind from the
// server, APPLIED what was applied. For nodes, deployments and pods.
std::string missing(const Condition& condition, const std::vector<kube::Object>& objects,
                    const std::vector<kube::Object>& applied);

// Prints what is missing each time that it changes. At the session's deadline throws base::Error that says what is
// missing and what the events of the last minutes say about it.
void wait_for(Session& session, const std::vector<Condition>& conditions, const std::vector<kube::Object>& applied,
              std::ostream& progress);

}  // namespace kube_apply
