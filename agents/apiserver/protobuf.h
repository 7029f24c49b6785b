// Kubernetes' protobuf bodies → JSON, for the kinds that kubectl's `create` commands and agents' events send so.
#pragma once

#include <string_view>

#include "lib/kube/objects.h"

namespace apiserver {

constexpr std::string_view protobuf_content_type = "application/vnd.kubernetes.protobuf";

// BODY begins with "k8s\0" and holds a runtime.Unknown. Throws StatusError: 400 where it is damaged, 415 for a kind
// whose fields are not known here.
kube::Object decode_protobuf(std::string_view body);

}  // namespace apiserver
