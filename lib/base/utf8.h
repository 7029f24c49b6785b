// Text that may hold any bytes, made fit for where only UTF-8 is taken (JSON, WebSocket text messages).
#pragma once

#include <string>
#include <string_view>

namespace base {

bool is_valid_utf8(std::string_view text);
// TEXT with U+FFFD in place of what is no UTF-8, also of a character that is cut off at either end.
std::string valid_utf8(std::string_view text);

}  // namespace base
