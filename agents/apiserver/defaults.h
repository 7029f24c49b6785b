// What the API server fills in where the user said nothing, by kind; facts from Kubernetes' own defaulting.
#pragma once

#include "lib/kube/objects.h"

namespace apiserver {

using kube::Object;

void default_service(Object& service);
void default_pod(Object& pod);
void default_deployment(Object& deployment);
void default_replica_set(Object& replica_set);
void default_endpoint_slice(Object& slice);
void default_namespace(Object& object);
void default_secret(Object& secret);
void default_network_policy(Object& policy);

}  // namespace apiserver
