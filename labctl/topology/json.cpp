#include "labctl/topology/json.h"

#include <boost/json.hpp>

#include "labctl/topology/values.h"

namespace topology::yaml {

boost::json::value to_json(const Node& node) {
  if (node.kind == Node::Kind::mapping) {
    boost::json::object object;
    for (const Entry& entry : node.entries) object[entry.key] = to_json(entry.value);
    return object;
  }
  if (node.kind == Node::Kind::sequence) {
    boost::json::array array;
    for (const Node& item : node.items) array.push_back(to_json(item));
    return array;
  }
  if (node.quoted) return boost::json::value(node.text);
  if (node.is_null()) return nullptr;
  if (node.text == "true") return true;
  if (node.text == "false") return false;
  bool negative = node.text.front() == '-';
  std::optional<std::uint64_t> number = parse_unsigned(negative ? node.text.substr(1) : node.text);
  if (number && !negative) return *number;
  if (number && *number <= 1ull << 63) return static_cast<std::int64_t>(0 - *number);
  return boost::json::value(node.text);
}

}  // namespace topology::yaml
