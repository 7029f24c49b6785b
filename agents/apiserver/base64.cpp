#include "agents/apiserver/base64.h"

#include <algorithm>
#include <cstdint>

namespace apiserver {

std::string base64(std::string_view bytes) {
  static constexpr char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (size_t at = 0; at < bytes.size(); at += 3) {
    uint32_t group = 0;
    for (size_t each = 0; each < 3; ++each) {
      group = group << 8 | (at + each < bytes.size() ? static_cast<unsigned char>(bytes[at + each]) : 0);
    }
    size_t known = std::min<size_t>(3, bytes.size() - at);
    for (size_t each = 0; each < 4; ++each) text += each <= known ? letters[group >> (18 - 6 * each) & 63] : '=';
  }
  return text;
}

}  // namespace apiserver
