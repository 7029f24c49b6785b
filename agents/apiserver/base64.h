// How bytes stand in JSON.
#pragma once

#include <string>
#include <string_view>

namespace apiserver {

std::string base64(std::string_view bytes);

}  // namespace apiserver
