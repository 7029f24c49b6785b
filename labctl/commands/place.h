// Where `labctl cp` copies from and to: a path here, or LAB:NODE:PATH.
#pragma once

#include <optional>
#include <string>

namespace commands {

struct NodePlace {
  std::string lab;
  std::string node;
  std::string path;
};

// Nothing where TEXT is a path here: what begins with '/' or '.' always is. Throws base::Error for "lab:node" without a
// path.
std::optional<NodePlace> parse_node_place(const std::string& text);

}  // namespace commands
