// Where everything is in a picture. Networks and tunnels are horizontal bars; below each network are the boxes of the
// nodes whose first network it is, in columns. Beside every column is room for vertical lines, one for each bar that a
// box of the column is attached to; so no line ever crosses a box or a text.
#pragma once

#include <string>
#include <vector>

#include "labctl/graph/graph.h"

namespace graph {

struct Bar {
  std::string label;
  bool tunnel = false;
  double y = 0;
};

// The corner of a box is its upper left one; its rows are one below the other, below its title.
struct Box {
  const Node* node = nullptr;
  std::vector<std::string> rows;
  double x = 0, y = 0, width = 0, height = 0;
};

// From a box's right edge to the vertical line of its bar.
struct Stub {
  std::size_t bar = 0;
  double from = 0, to = 0, y = 0;
  bool down = false;
};

struct Riser {
  std::size_t bar = 0;
  double x = 0, top = 0, bottom = 0;
};

struct Layout {
  double width = 0, height = 0;
  std::vector<Bar> bars;
  std::vector<Box> boxes;
  std::vector<Stub> stubs;
  std::vector<Riser> risers;
};

inline constexpr double character_width = 7.3;  // of a monospaced font of 12 px
inline constexpr double row_height = 17;
inline constexpr double title_height = 26;  // of a box
inline constexpr double padding = 9;        // inside a box
inline constexpr double margin = 20;        // around everything

Layout lay_out(const Graph& graph);
// TEXT in at most as many characters as a row has, the last "…" where it is longer.
std::string shortened(const std::string& text, std::size_t characters = 56);
std::size_t characters_of(const std::string& text);

}  // namespace graph
