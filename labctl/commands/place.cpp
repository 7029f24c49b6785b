#include "labctl/commands/place.h"

#include "lib/base/error.h"

namespace commands {

std::optional<NodePlace> parse_node_place(const std::string& text) {
  if (text.empty() || text.front() == '/' || text.front() == '.') return std::nullopt;
  std::size_t first = text.find(':');
  if (first == std::string::npos) return std::nullopt;
  std::size_t second = text.find(':', first + 1);
  if (second == std::string::npos || first == 0 || second == first + 1 || second + 1 == text.size()) {
    throw base::Error("\"" + text + "\" is neither LAB:NODE:PATH nor a path here")
        .with_mend("a path here that has a ':' is written ./" + text);
  }
  return NodePlace{text.substr(0, first), text.substr(first + 1, second - first - 1), text.substr(second + 1)};
}

}  // namespace commands
