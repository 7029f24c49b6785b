// What the server says about itself: groups, versions and resources, /version and the OpenAPI documents.
#pragma once

#include <optional>
#include <string>

#include "lib/base/http.h"

namespace apiserver {

// The answer where PATH is one of these; nullopt where it is not.
std::optional<base::http::Response> describe_api(const std::string& path, const std::string& accept);

}  // namespace apiserver
