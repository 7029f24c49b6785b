// YAML as a tree in which everything knows its place. The parser is libfyaml; what labctl refuses is refused here:
// duplicate keys, more than one document, and anything beyond the limits.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "labctl/topology/faults.h"

namespace topology::yaml {

struct Limits {
  size_t bytes = 1 << 20;
  unsigned depth = 40;
  size_t nodes = 100000;  // those of expanded aliases included
};

struct Entry;

struct Node {
  enum class Kind { scalar, sequence, mapping };
  Kind kind = Kind::scalar;
  Location at;
  std::string text;     // of a scalar
  bool quoted = false;  // a quoted scalar is a string, whatever it looks like
  std::vector<Node> items;
  std::vector<Entry> entries;

  bool is_null() const { return kind == Kind::scalar && !quoted && (text.empty() || text == "~" || text == "null"); }
  // nullptr where the mapping has no such key.
  const Node* find(std::string_view key) const;
};

struct Entry {
  std::string key;
  Location at;  // of the key
  Node value;
};

// Adds a fault and returns a null node where TEXT is not one YAML document.
Node parse(const std::string& text, Faults& faults, const Limits& limits = {});

// All documents of TEXT, for manifests ("---" between them).
std::vector<Node> parse_all(const std::string& text, Faults& faults, const Limits& limits = {});

// "a mapping", "a list", "a number", "text": for messages.
std::string describe(const Node& node);

}  // namespace topology::yaml
