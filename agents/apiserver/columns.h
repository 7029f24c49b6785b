// The columns of `kubectl get`, as the real server sends them, and the Table that they make.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "agents/apiserver/kind.h"

namespace apiserver {

std::vector<Column> pod_columns();
std::vector<Column> service_columns();
std::vector<Column> node_columns();
std::vector<Column> deployment_columns();
std::vector<Column> replica_set_columns();
std::vector<Column> endpoint_slice_columns();
std::vector<Column> endpoints_columns();
std::vector<Column> namespace_columns();
std::vector<Column> event_columns();
std::vector<Column> lease_columns();
std::vector<Column> config_map_columns();
std::vector<Column> secret_columns();
std::vector<Column> service_account_columns();
std::vector<Column> network_policy_columns();
std::vector<Column> service_cidr_columns();

enum class IncludeObject { none, metadata, object };

// "5m3s", "2d4h": the time between two points as kubectl shows ages.
std::string human_duration(int64_t seconds);

// A meta.k8s.io/v1 Table. LIST_METADATA becomes its metadata.
Object make_table(const Kind& kind, const std::vector<std::shared_ptr<const Object>>& objects, Object list_metadata,
                  IncludeObject include, bool with_column_definitions = true);

}  // namespace apiserver
