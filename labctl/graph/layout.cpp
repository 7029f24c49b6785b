#include "labctl/graph/layout.h"

#include <algorithm>
#include <map>

namespace graph {
namespace {

constexpr std::size_t most_columns = 6;
constexpr double header = 62;       // for the title of the picture
constexpr double faults_line = 18;  // more where there are any
constexpr double bar_label_height = 24;
constexpr double row_gap = 22;  // between boxes, and between a bar and its boxes
constexpr double riser_gap = 9;
constexpr double column_gap = 20;  // what is left between the last vertical line and the next column

class Layouter {
 public:
  explicit Layouter(const Graph& graph) : graph_(graph) {}

  Layout lay_out() {
    add_bars();
    for (const Node& node : graph_.nodes) add_box(node);
    assign_columns();
    place_columns();
    place_rows();
    draw_lines();
    return std::move(layout_);
  }

 private:
  // A line that a box will have: from its ROW (-1: its title) to BAR.
  struct Attachment {
    std::size_t box, bar;
    int row;
    bool down;
  };

  std::size_t bands() const { return graph_.networks.size() + 1; }

  void add_bars() {
    for (const Network& network : graph_.networks) {
      std::string label = network.name;
      for (const std::string& subnet : network.subnets) label += "  " + subnet;
      layout_.bars.push_back({label, false, 0});
    }
    for (const Tunnel& tunnel : graph_.tunnels) layout_.bars.push_back({tunnel.name, true, 0});
  }

  std::size_t bar_of(const std::string& network) const {
    auto has_name = [&](const Network& it) { return it.name == network; };
    auto found = std::find_if(graph_.networks.begin(), graph_.networks.end(), has_name);
    return static_cast<std::size_t>(found - graph_.networks.begin());
  }

  void add_box(const Node& node) {
    std::size_t index = layout_.boxes.size(), band = graph_.networks.size();
    Box box{&node, {}, 0, 0, 0, 0};
    for (const Link& link : node.links) {
      int row = static_cast<int>(box.rows.size());
      box.rows.push_back(link_text(link));
      if (!link.network.empty()) {
        std::size_t bar = bar_of(link.network);
        band = std::min(band, bar);
        if (bar < graph_.networks.size()) attachments_.push_back({index, bar, row, link.down});
      }
      attach_tunnels(index, node.name, link.name, row);
    }
    attach_tunnels(index, node.name, "", -1);
    box.rows.insert(box.rows.end(), node.services.begin(), node.services.end());
    for (const Pod& pod : node.pods) box.rows.push_back(pod_text(pod));
    std::size_t longest = characters_of(node.name) + characters_of(node.role) + 4;
    for (std::string& row : box.rows) longest = std::max(longest, characters_of(shortened(row)));
    box.width = std::max(90.0, static_cast<double>(longest) * character_width + 2 * padding);
    box.height = title_height + static_cast<double>(box.rows.size()) * row_height + (box.rows.empty() ? 0 : padding);
    layout_.boxes.push_back(std::move(box));
    members_[band].push_back(index);
  }

  void attach_tunnels(std::size_t box, const std::string& node, const std::string& link, int row) {
    for (std::size_t i = 0; i < graph_.tunnels.size(); ++i) {
      for (const Tunnel::End& end : graph_.tunnels[i].ends) {
        if (end.node == node && end.link == link) {
          attachments_.push_back({box, graph_.networks.size() + i, row, false});
        }
      }
    }
  }

  // A band that is too long for one row becomes several of about the same length.
  std::size_t columns_in(std::size_t band) const {
    auto found = members_.find(band);
    if (found == members_.end()) return 0;
    std::size_t rows = (found->second.size() + most_columns - 1) / most_columns;
    return (found->second.size() + rows - 1) / rows;
  }

  void assign_columns() {
    column_of_.resize(layout_.boxes.size());
    for (const auto& [band, members] : members_) {
      for (std::size_t i = 0; i < members.size(); ++i) column_of_[members[i]] = i % columns_in(band);
      columns_ = std::max(columns_, columns_in(band));
    }
  }

  void place_columns() {
    risers_.resize(columns_);
    for (const Attachment& it : attachments_) risers_[column_of_[it.box]][it.bar] = Riser{it.bar, 0, 1e9, 0};
    double x = margin;
    for (std::size_t column = 0; column < columns_; ++column) {
      double width = 0;
      for (std::size_t i = 0; i < layout_.boxes.size(); ++i) {
        if (column_of_[i] == column) width = std::max(width, layout_.boxes[i].width);
      }
      for (std::size_t i = 0; i < layout_.boxes.size(); ++i) {
        if (column_of_[i] == column) layout_.boxes[i].x = x, layout_.boxes[i].width = width;
      }
      x += width + riser_gap;
      for (auto& [bar, riser] : risers_[column]) riser.x = (x += riser_gap);
      x += column_gap;
    }
    std::size_t longest = std::min<std::size_t>(100, characters_of(graph_.description));
    for (const Bar& bar : layout_.bars) longest = std::max(longest, characters_of(bar.label));
    layout_.width = std::max(x + margin, static_cast<double>(longest) * character_width + 2 * margin);
  }

  void place_rows() {
    double y = header + (graph_.faults.empty() ? 0 : faults_line);
    for (std::size_t band = 0; band < bands(); ++band) {
      if (band < graph_.networks.size()) y = place_bar(band, y);
      std::size_t columns = columns_in(band);
      for (std::size_t first = 0; columns != 0 && first < members_[band].size(); first += columns) {
        double tallest = 0;
        for (std::size_t i = first; i < std::min(first + columns, members_[band].size()); ++i) {
          Box& box = layout_.boxes[members_[band][i]];
          box.y = y;
          tallest = std::max(tallest, box.height);
        }
        y += tallest + row_gap;
      }
    }
    for (std::size_t bar = graph_.networks.size(); bar < layout_.bars.size(); ++bar) y = place_bar(bar, y);
    layout_.height = y + margin;
  }

  double place_bar(std::size_t bar, double y) {
    layout_.bars[bar].y = y + bar_label_height;
    return layout_.bars[bar].y + row_gap;
  }

  void draw_lines() {
    for (const Attachment& it : attachments_) {
      const Box& box = layout_.boxes[it.box];
      double y = box.y + title_height + (it.row + 0.5) * row_height;
      if (it.row < 0) y = box.y + title_height / 2;
      Riser& riser = risers_[column_of_[it.box]][it.bar];
      double bar = layout_.bars[it.bar].y;
      riser.top = std::min({riser.top, y, bar});
      riser.bottom = std::max({riser.bottom, y, bar});
      layout_.stubs.push_back({it.bar, box.x + box.width, riser.x, y, it.down});
    }
    for (const auto& column : risers_) {
      for (const auto& [bar, riser] : column) layout_.risers.push_back(riser);
    }
  }

  const Graph& graph_;
  Layout layout_;
  std::vector<Attachment> attachments_;
  std::map<std::size_t, std::vector<std::size_t>> members_;  // of each band, the boxes
  std::vector<std::size_t> column_of_;                       // of each box
  std::vector<std::map<std::size_t, Riser>> risers_;         // of each column, by bar
  std::size_t columns_ = 0;
};

bool begins_character(char c) {
  return (static_cast<unsigned char>(c) & 0xc0) != 0x80;  // UTF-8
}

}  // namespace

std::size_t characters_of(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), begins_character));
}

std::string shortened(const std::string& text, std::size_t characters) {
  if (characters_of(text) <= characters) return text;
  std::size_t end = 0;
  for (std::size_t count = 0; end < text.size(); ++end) {
    if (begins_character(text[end]) && ++count == characters) break;
  }
  return text.substr(0, end) + "…";
}

Layout lay_out(const Graph& graph) {
  return Layouter(graph).lay_out();
}

}  // namespace graph
