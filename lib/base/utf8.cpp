#include "lib/base/utf8.h"

#include <boost/locale/utf.hpp>

namespace base {
namespace {

using Decoder = boost::locale::utf::utf_traits<char>;

bool is_character(boost::locale::utf::code_point point) {
  return point != boost::locale::utf::illegal && point != boost::locale::utf::incomplete;
}

}  // namespace

bool is_valid_utf8(std::string_view text) {
  for (auto at = text.begin(); at != text.end();) {
    if (!is_character(Decoder::decode(at, text.end()))) return false;
  }
  return true;
}

std::string valid_utf8(std::string_view text) {
  std::string valid;
  valid.reserve(text.size());
  for (auto at = text.begin(); at != text.end();) {
    auto begin = at;
    if (is_character(Decoder::decode(at, text.end()))) {
      valid.append(begin, at);
    } else {
      valid += "\xef\xbf\xbd";
      at = begin + 1;
    }
  }
  return valid;
}

}  // namespace base
