#include "labctl/topology/yaml.h"

#include <fmt/format.h>
#include <libfyaml.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <optional>

namespace topology::yaml {
namespace {

struct TooMuch {
  Location at;
  std::string message;
};

size_t count_nodes(const Node& node) {
  size_t count = 1;
  for (const Node& item : node.items) count += count_nodes(item);
  for (const Entry& entry : node.entries) count += count_nodes(entry.value);
  return count;
}

// Builds trees from libfyaml's events: unlike its document nodes, every event has a mark.
class Builder {
 public:
  Builder(const std::string& text, Faults& faults, const Limits& limits) : faults_(faults), limits_(limits) {
    fy_diag_cfg diagnostics;
    fy_diag_cfg_default(&diagnostics);
    diagnostics.level = FYET_ERROR;
    diag_ = fy_diag_create(&diagnostics);
    fy_diag_set_collect_errors(diag_, true);
    fy_parse_cfg configuration{};
    configuration.flags = static_cast<fy_parse_cfg_flags>(FYPCF_QUIET | FYPCF_COLLECT_DIAG);
    configuration.diag = diag_;
    parser_ = fy_parser_create(&configuration);
    fy_parser_set_string(parser_, text.data(), text.size());
  }
  ~Builder() {
    release();
    fy_parser_destroy(parser_);
    fy_diag_destroy(diag_);
  }
  Builder(const Builder&) = delete;
  Builder& operator=(const Builder&) = delete;

  std::vector<Node> documents() {
    std::vector<Node> documents;
    while (next()) {
      if (event_->type != FYET_DOCUMENT_START) continue;
      anchors_.clear();
      if (next()) documents.push_back(node(1));
    }
    report_syntax_errors();
    return documents;
  }

 private:
  bool next() {
    release();
    event_ = fy_parser_parse(parser_);
    return event_ != nullptr;
  }

  void release() {
    if (event_ != nullptr) fy_parser_event_free(parser_, event_);
    event_ = nullptr;
  }

  Location here() const {
    const fy_mark* mark = fy_event_start_mark(event_);
    if (mark == nullptr) return {};
    return {static_cast<unsigned>(mark->line) + 1, static_cast<unsigned>(mark->column) + 1};
  }

  static std::string text_of(fy_token* token) {
    size_t length = 0;
    const char* text = fy_token_get_text(token, &length);
    return text == nullptr ? std::string() : std::string(text, length);
  }

  Node node(unsigned depth) {
    if (depth > limits_.depth) {
      throw TooMuch{here(), fmt::format("nested deeper than {} levels, flatten it", limits_.depth)};
    }
    count(1);
    fy_token* anchor = fy_event_get_anchor_token(event_);
    std::string name = anchor != nullptr ? text_of(anchor) : std::string();
    Node built = unnamed_node(depth);
    if (!name.empty()) anchors_[name] = built;
    return built;
  }

  Node unnamed_node(unsigned depth) {
    switch (event_->type) {
      case FYET_SCALAR:
        return scalar();
      case FYET_SEQUENCE_START:
        return sequence(depth);
      case FYET_MAPPING_START:
        return mapping(depth);
      case FYET_ALIAS:
        return alias();
      default:
        return Node{};
    }
  }

  Node scalar() {
    Node built;
    built.at = here();
    fy_token* token = event_->scalar.value;
    if (token != nullptr) {
      built.text = text_of(token);
      built.quoted = fy_token_scalar_style(token) != FYSS_PLAIN;
    }
    return built;
  }

  Node sequence(unsigned depth) {
    Node built;
    built.kind = Node::Kind::sequence;
    built.at = here();
    while (next() && event_->type != FYET_SEQUENCE_END) built.items.push_back(node(depth + 1));
    return built;
  }

  Node mapping(unsigned depth) {
    Node built;
    built.kind = Node::Kind::mapping;
    built.at = here();
    while (next() && event_->type != FYET_MAPPING_END) {
      Node key = node(depth + 1);
      if (!next()) break;
      Node value = node(depth + 1);
      add_entry(built, key, std::move(value));
    }
    return built;
  }

  void add_entry(Node& mapping, const Node& key, Node value) {
    if (key.kind != Node::Kind::scalar) {
      faults_.add(key.at, "a key must be plain text");
      return;
    }
    if (key.text == "<<" && !key.quoted) {
      merge(mapping, key, value);
      return;
    }
    if (const Entry* before = find_entry(mapping, key.text); before != nullptr) {
      faults_.add(key.at,
                  fmt::format("duplicate key \"{}\", first given in line {}; remove one", key.text, before->at.line));
      return;
    }
    if (value.at.line == 0) value.at = key.at;
    mapping.entries.push_back({key.text, key.at, std::move(value)});
  }

  // "<<: *base": the entries of BASE that the mapping does not have itself (YAML 1.1 merge key).
  void merge(Node& mapping, const Node& key, const Node& value) {
    if (value.kind != Node::Kind::mapping) {
      faults_.add(key.at, "\"<<\" merges a mapping, write \"<<: *name\" with the anchor of one");
      return;
    }
    for (const Entry& entry : value.entries) {
      if (find_entry(mapping, entry.key) == nullptr) mapping.entries.push_back(entry);
    }
  }

  static const Entry* find_entry(const Node& mapping, const std::string& key) {
    auto found = std::find_if(mapping.entries.begin(), mapping.entries.end(),
                              [&](const Entry& entry) { return entry.key == key; });
    return found == mapping.entries.end() ? nullptr : &*found;
  }

  Node alias() {
    std::string name = text_of(event_->alias.anchor);
    auto found = anchors_.find(name);
    if (found == anchors_.end()) {
      faults_.add(here(), fmt::format("alias \"*{0}\" has no anchor, write \"&{0}\" before it is used", name));
      Node missing;
      missing.at = here();
      return missing;
    }
    count(count_nodes(found->second));
    return found->second;
  }

  void count(size_t more) {
    nodes_ += more;
    if (nodes_ > limits_.nodes) {
      throw TooMuch{here(), fmt::format("more than {} values (aliases expanded), split the file", limits_.nodes)};
    }
  }

  void report_syntax_errors() {
    void* position = nullptr;
    while (fy_diag_error* error = fy_diag_errors_iterate(diag_, &position)) {
      Location at{static_cast<unsigned>(std::max(error->line, 1)), static_cast<unsigned>(std::max(error->column, 1))};
      faults_.add(at, fmt::format("not valid YAML: {}", error->msg));
    }
  }

  Faults& faults_;
  const Limits& limits_;
  fy_diag* diag_ = nullptr;
  fy_parser* parser_ = nullptr;
  fy_event* event_ = nullptr;
  size_t nodes_ = 0;
  std::map<std::string, Node> anchors_;
};

}  // namespace

const Node* Node::find(std::string_view key) const {
  for (const Entry& entry : entries) {
    if (entry.key == key) return &entry.value;
  }
  return nullptr;
}

std::vector<Node> parse_all(const std::string& text, Faults& faults, const Limits& limits) {
  if (text.size() > limits.bytes) {
    faults.add({1, 1}, fmt::format("larger than {} KiB, split the file", limits.bytes / 1024));
    return {};
  }
  try {
    return Builder(text, faults, limits).documents();
  } catch (const TooMuch& excess) {
    faults.add(excess.at, excess.message);
    return {};
  }
}

Node parse(const std::string& text, Faults& faults, const Limits& limits) {
  std::vector<Node> documents = parse_all(text, faults, limits);
  if (documents.size() > 1) {
    faults.add(documents[1].at, "a second YAML document, a topology is one document: remove the \"---\"");
  }
  return documents.empty() ? Node{} : std::move(documents.front());
}

std::string describe(const Node& node) {
  if (node.kind == Node::Kind::mapping) return "a mapping";
  if (node.kind == Node::Kind::sequence) return "a list";
  if (node.is_null()) return "nothing";
  bool number = !node.quoted && std::all_of(node.text.begin(), node.text.end(),
                                            [](unsigned char character) { return std::isdigit(character) != 0; });
  return fmt::format("{} \"{}\"", number ? "the number" : "the text", node.text);
}

}  // namespace topology::yaml
