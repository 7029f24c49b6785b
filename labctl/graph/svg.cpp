#include <fmt/format.h>

#include <array>

#include "labctl/graph/layout.h"

namespace graph {
namespace {

// Told apart on white and on black, and by those who do not see red and green as different.
constexpr std::array<const char*, 6> colours{"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b8860b", "#56b4e9"};

constexpr const char* style = R"(
  .paper { fill: #ffffff }
  text { font: 12px ui-monospace, monospace; fill: #1f2328 }
  .name { font: bold 14px system-ui, sans-serif }
  .heading { font: bold 18px system-ui, sans-serif }
  .quiet { fill: #59636e }
  .box { fill: #f6f8fa; stroke: #59636e }
  .bar { stroke-width: 4 }
  .wire { stroke-width: 1.5; fill: none }
  .tunnel { stroke-dasharray: 6 4 }
  .down { stroke: #c62828; stroke-dasharray: 2 4 }
  .killed { stroke: #c62828; stroke-dasharray: 6 4; opacity: 0.7 }
  .alarm { fill: #c62828 }
  @media (prefers-color-scheme: dark) {
    .paper { fill: #0d1117 }
    text { fill: #e6edf3 }
    .quiet { fill: #9198a1 }
    .box { fill: #161b22; stroke: #9198a1 }
    .down, .killed { stroke: #ff7b72 }
    .alarm { fill: #ff7b72 }
  }
)";

// Without what XML 1.0 (2.2) cannot have at all.
std::string escaped(const std::string& text) {
  std::string safe;
  for (char c : text) {
    switch (c) {
      case '&':
        safe += "&amp;";
        break;
      case '<':
        safe += "&lt;";
        break;
      case '>':
        safe += "&gt;";
        break;
      case '"':
        safe += "&quot;";
        break;
      default:
        safe += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
    }
  }
  return safe;
}

class Svg {
 public:
  explicit Svg(const Graph& graph) : graph_(graph), layout_(lay_out(graph)) {}

  std::string write() {
    text_ = fmt::format(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" width=\"{0:.0f}\" height=\"{1:.0f}\" "
        "viewBox=\"0 0 {0:.0f} {1:.0f}\">\n<title>{2}</title>\n<desc>{3}</desc>\n<style>{4}</style>\n",
        layout_.width, layout_.height, escaped(graph_.name), escaped(graph_.description), style);
    text_ += fmt::format("<rect class=\"paper\" width=\"{:.0f}\" height=\"{:.0f}\"/>\n", layout_.width, layout_.height);
    write_text(margin, margin + 14, "heading", graph_.name, 60);
    write_text(margin, margin + 34, "quiet", graph_.description,
               static_cast<std::size_t>((layout_.width - 2 * margin) / character_width));
    if (!graph_.faults.empty()) {
      write_text(margin, margin + 52, "alarm", "faults: " + joined(graph_.faults, ", "),
                 static_cast<std::size_t>((layout_.width - 2 * margin) / character_width));
    }
    for (std::size_t i = 0; i < layout_.bars.size(); ++i) write_bar(i);
    for (const Riser& it : layout_.risers) write_riser(it);
    for (const Stub& it : layout_.stubs) write_stub(it);
    for (const Box& box : layout_.boxes) write_box(box);
    return text_ + "</svg>\n";
  }

 private:
  static const char* colour_of(std::size_t bar) { return colours[bar % colours.size()]; }
  const char* dashes_of(std::size_t bar) const { return layout_.bars[bar].tunnel ? " tunnel" : ""; }

  // Where TEXT is too long, all of it is shown to whoever points at it.
  void write_text(double x, double y, const std::string& classes, const std::string& text, std::size_t characters) {
    if (text.empty()) return;
    std::string shown = shortened(text, characters);
    std::string whole = shown == text ? "" : "<title>" + escaped(text) + "</title>";
    text_ +=
        fmt::format("<text class=\"{}\" x=\"{:.1f}\" y=\"{:.1f}\">{}{}</text>\n", classes, x, y, whole, escaped(shown));
  }

  void write_line(double x1, double y1, double x2, double y2, const std::string& classes, const char* colour) {
    text_ += fmt::format("<line class=\"{}\" x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"{}\"/>\n",
                         classes, x1, y1, x2, y2, colour);
  }

  void write_bar(std::size_t index) {
    const Bar& bar = layout_.bars[index];
    write_text(margin, bar.y - 8, "", bar.label, 100);
    write_line(margin, bar.y, layout_.width - margin, bar.y, std::string("bar") + dashes_of(index), colour_of(index));
  }

  void write_riser(const Riser& it) {
    write_line(it.x, it.top, it.x, it.bottom, std::string("wire") + dashes_of(it.bar), colour_of(it.bar));
    text_ += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"4\" fill=\"{}\"/>\n", it.x, layout_.bars[it.bar].y,
                         colour_of(it.bar));
  }

  void write_stub(const Stub& it) {
    std::string classes = std::string("wire") + dashes_of(it.bar) + (it.down ? " down" : "");
    write_line(it.from, it.y, it.to, it.y, classes, colour_of(it.bar));
    text_ +=
        fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"2.5\" fill=\"{}\"/>\n", it.to, it.y, colour_of(it.bar));
  }

  void write_box(const Box& box) {
    const Node& node = *box.node;
    text_ +=
        fmt::format("<rect class=\"box{}\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" rx=\"6\"/>\n",
                    node.killed ? " killed" : "", box.x, box.y, box.width, box.height);
    write_text(box.x + padding, box.y + 18, "name", node.name, 60);
    std::string role = node.killed ? "killed" : node.role;
    double right = static_cast<double>(characters_of(role)) * character_width + padding;
    write_text(box.x + box.width - right, box.y + 18, node.killed ? "alarm" : "quiet", role, 60);
    for (std::size_t i = 0; i < box.rows.size(); ++i) {
      double y = box.y + title_height + static_cast<double>(i) * row_height + 12;
      write_text(box.x + padding, y, row_class(box, i), box.rows[i], 56);
    }
  }

  static const char* row_class(const Box& box, std::size_t row) {
    return row < box.node->links.size() && box.node->links[row].down ? "alarm" : "";
  }

  const Graph& graph_;
  Layout layout_;
  std::string text_;
};

}  // namespace

std::string to_svg(const Graph& graph) {
  return Svg(graph).write();
}

}  // namespace graph
