// What the API server refuses, by kind, in Kubernetes' words.
#pragma once

#include "agents/apiserver/status.h"

namespace apiserver {

// Names, labels and annotations: for every kind.
void validate_metadata(const Kind& kind, const Object& object, Faults& faults);

void validate_service(const Object& service, const Object* old, Faults& faults);
void validate_pod(const Object& pod, const Object* old, Faults& faults);
void validate_deployment(const Object& deployment, const Object* old, Faults& faults);
void validate_replica_set(const Object& set, const Object* old, Faults& faults);
void validate_endpoint_slice(const Object& slice, const Object* old, Faults& faults);
void validate_node(const Object& node, const Object* old, Faults& faults);

}  // namespace apiserver
