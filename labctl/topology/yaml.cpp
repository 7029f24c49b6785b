#include "labctl/topology/yaml.h"

#include <fmt/format.h>
#include <libfyaml.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <optional>
#include <unordered_map>

namespace topology::yaml {
namespace {

// Shown of a scalar in messages.
constexpr size_t longest_shown = 80;

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

// What to do about libfyaml's complaint; empty where its words say it.
std::string mend(const std::string& complaint) {
  static const std::pair<const char*, const char*> mends[] = {
      {"tab character", "indent with spaces"},
      {"multiline plain key", "a key here lacks its \":\", or a line is indented unlike its neighbours"},
      {"nested block mapping on the same line", "put a text that has \": \" in it in quotes"},
      {"quoted scalar without closing quote", "close the quote"},
      {"wrongly indented double-quoted", "close the quote, or indent the lines of the text"},
      {"wrongly indented single-quoted", "close the quote, or indent the lines of the text"},
      {"wrongly indented flow", "close the bracket opened above, or indent this line"},
      {"without a closing", "close the bracket"},
      {"missing comma", "add the comma, or close the bracket"},
      {"extra closing", "remove it"},
      {"mismatched flow", "close with the kind of bracket that was opened"},
      {"cannot start with", "put the text in quotes"},
      {"trailing content after", "put the whole text in one pair of quotes"},
      {"invalid escape", "write the backslash twice, or use single quotes"},
      {"invalid indentation", "indent the entries of one mapping alike"},
      {"indendation", "indent the entries of one list alike"},
      {"at the end of block sequence", "begin every entry of the list with \"- \""},
      {"invalid alias", "write the anchor's name after the \"*\", or put the text in quotes"}};
  for (const auto& [words, what_to_do] : mends) {
    if (complaint.find(words) != std::string::npos) return std::string(", ") + what_to_do;
  }
  return {};
}

// The place of the first byte that is not UTF-8 (RFC 3629), counted in characters as the parser does. NUL is UTF-8, but
// the parser takes it for the end of the text.
std::optional<Location> find_malformed(const std::string& text) {
  Location at{1, 1};
  for (size_t i = 0; i < text.size();) {
    auto first = static_cast<unsigned char>(text[i]);
    size_t length = first < 0x80 ? 1 : first >= 0xc2 && first < 0xe0 ? 2 : (first & 0xf0) == 0xe0 ? 3 : 4;
    if (first == 0 || (first >= 0x80 && (first < 0xc2 || first > 0xf4))) return at;
    for (size_t next = 1; next < length; ++next) {
      if (i + next >= text.size() || (static_cast<unsigned char>(text[i + next]) & 0xc0) != 0x80) return at;
    }
    i += length;
    at = first == '\n' ? Location{at.line + 1, 1} : Location{at.line, at.column + 1};
  }
  return std::nullopt;
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
  // The keys of one mapping, and their lines.
  using Keys = std::unordered_map<std::string, unsigned>;

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
    const fy_mark* mark = event_ == nullptr ? nullptr : fy_event_start_mark(event_);
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
    count(here(), 1);
    fy_token* anchor = fy_event_get_anchor_token(event_);
    std::string name = anchor != nullptr ? text_of(anchor) : std::string();
    Node built = unnamed_node(depth);
    if (name.empty()) return built;
    count(built.at, count_nodes(built));  // the copy that aliases are made from
    anchors_[name] = built;
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
    // It would end the text for the kernel and for every program.
    if (built.text.find('\0') != std::string::npos) faults_.add(built.at, "a text with a NUL character, remove it");
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
    Keys keys;
    std::vector<Node> merged;
    while (next() && event_->type != FYET_MAPPING_END) {
      Node key = node(depth + 1);
      if (!next()) break;
      Node value = node(depth + 1);
      if (key.kind == Node::Kind::scalar && key.text == "<<" && !key.quoted) {
        merged.push_back(std::move(value));
      } else {
        add_entry(built, keys, key, std::move(value));
      }
    }
    for (const Node& base : merged) merge(built, keys, base);
    return built;
  }

  void add_entry(Node& mapping, Keys& keys, const Node& key, Node value) {
    if (key.kind != Node::Kind::scalar) {
      faults_.add(key.at, "a key is a word, not a list or a mapping");
      return;
    }
    auto [before, first] = keys.try_emplace(key.text, key.at.line);
    if (!first) {
      faults_.add(key.at,
                  fmt::format("duplicate key \"{}\", first given in line {}; remove one", key.text, before->second));
      return;
    }
    if (value.at.line == 0) value.at = key.at;
    mapping.entries.push_back({key.text, key.at, std::move(value)});
  }

  // "<<: *base", "<<: [*base, *other]": the entries that the mapping does not have itself (YAML 1.1 merge key).
  void merge(Node& mapping, Keys& keys, const Node& base) {
    if (base.kind == Node::Kind::sequence && !base.items.empty()) {
      for (const Node& item : base.items) merge(mapping, keys, item);
      return;
    }
    if (base.kind != Node::Kind::mapping) {
      faults_.add(base.at, "\"<<\" merges mappings, write \"<<: *name\" with the anchor of one");
      return;
    }
    for (const Entry& entry : base.entries) {
      if (keys.try_emplace(entry.key, entry.at.line).second) mapping.entries.push_back(entry);
    }
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
    count(here(), count_nodes(found->second));
    return found->second;
  }

  void count(Location at, size_t more) {
    nodes_ += more;
    if (nodes_ > limits_.nodes) {
      throw TooMuch{at, fmt::format("more than {} values (aliases expanded), split the file", limits_.nodes)};
    }
  }

  void report_syntax_errors() {
    void* position = nullptr;
    while (fy_diag_error* error = fy_diag_errors_iterate(diag_, &position)) {
      Location at{static_cast<unsigned>(std::max(error->line, 1)), static_cast<unsigned>(std::max(error->column, 1))};
      faults_.add(at, fmt::format("not valid YAML: {}{}", error->msg, mend(error->msg)));
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
  if (std::optional<Location> malformed = find_malformed(text)) {
    faults.add(*malformed, "not text in UTF-8, save the file in that encoding");
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
  if (node.kind == Node::Kind::sequence) return node.items.empty() ? "an empty list" : "a list";
  if (node.is_null()) return "nothing";
  auto digit = [](unsigned char character) { return std::isdigit(character) != 0; };
  bool number = !node.quoted && std::all_of(node.text.begin(), node.text.end(), digit);
  std::string shown = node.text;
  if (shown.size() > longest_shown) {
    size_t end = longest_shown;
    while ((static_cast<unsigned char>(shown[end]) & 0xc0) == 0x80) --end;  // not amid a character
    shown = shown.substr(0, end) + "…";
  }
  return fmt::format("{} \"{}\"", number ? "the number" : "the text", shown);
}

}  // namespace topology::yaml
