#include "labctl/commands/forward_spec.h"

#include <charconv>
#include <optional>
#include <vector>

#include "lib/base/error.h"
#include "lib/netlink/address.h"

namespace commands {
namespace {

// At each ':' outside of brackets, which go away.
std::vector<std::string> words_of(const std::string& text) {
  std::vector<std::string> words(1);
  bool in_brackets = false;
  for (char c : text) {
    if (c == '[' || c == ']') {
      in_brackets = c == '[';
    } else if (c == ':' && !in_brackets) {
      words.emplace_back();
    } else {
      words.back() += c;
    }
  }
  return words;
}

std::optional<std::uint16_t> port_of(const std::string& word) {
  std::uint16_t port = 0;
  auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), port);
  if (error != std::errc() || end != word.data() + word.size()) return std::nullopt;
  return port;
}

bool is_address(const std::string& word) {
  return netlink::IpAddress::parse(word).has_value();
}

}  // namespace

ForwardSpec parse_forward(const std::string& text) {
  std::vector<std::string> words = words_of(text);
  ForwardSpec spec;
  auto next = words.begin();
  auto is_good = [&] {
    if (words.size() < 3 || words.size() > 5) return false;
    if (is_address(*next)) spec.address = *next++;
    std::optional<std::uint16_t> here = port_of(*next++);
    if (!here || words.end() - next < 2) return false;
    spec.port = *here;
    spec.target.node = *next++;
    if (words.end() - next == 2) {
      if (!is_address(*next)) return false;
      spec.target.address = *next++;
    }
    std::optional<std::uint16_t> there = port_of(*next++);
    spec.target.port = there.value_or(0);
    return next == words.end() && spec.target.port != 0 && !spec.target.node.empty();
  };
  if (is_good()) return spec;
  throw base::Error("\"" + text + "\" is not [ADDRESS:]PORT:NODE:[ADDRESS:]PORT")
      .with_mend("8080:web:80, 0.0.0.0:8080:web:80, 8080:client:10.0.0.1:80, [::1]:8080:web:[fd00::1]:80");
}

}  // namespace commands
