#include "lib/kube/manifest.h"

#include <libfyaml.h>

#include <boost/json/array.hpp>
#include <charconv>
#include <cstdlib>
#include <memory>
#include <string_view>

#include "lib/base/error.h"

namespace kube {
namespace {

namespace json = boost::json;

constexpr size_t size_limit = 16 * 1024 * 1024;
constexpr int depth_limit = 100;

struct ParserDeleter {
  void operator()(fy_parser* parser) const { fy_parser_destroy(parser); }
};
struct DiagnosticsDeleter {
  void operator()(fy_diag* diagnostics) const { fy_diag_destroy(diagnostics); }
};
struct DocumentDeleter {
  void operator()(fy_document* document) const { fy_document_destroy(document); }
};

// How YAML 1.2's core schema reads a plain scalar.
json::value plain_scalar(std::string_view text) {
  if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL") return nullptr;
  if (text == "true" || text == "True" || text == "TRUE") return true;
  if (text == "false" || text == "False" || text == "FALSE") return false;
  std::string_view digits = text;
  if (digits.front() == '+') digits.remove_prefix(1);
  int64_t whole = 0;
  int base = 10;
  if (digits.starts_with("0x")) {
    base = 16;
    digits.remove_prefix(2);
  } else if (digits.starts_with("0o")) {
    base = 8;
    digits.remove_prefix(2);
  } else if (digits.size() > 1 && digits.front() == '0' && digits.find_first_not_of("01234567") == digits.npos) {
    base = 8;  // file modes: 0644
  }
  auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), whole, base);
  if (failure == std::errc() && end == digits.data() + digits.size() && !digits.empty()) return whole;
  bool looks_like_float = text.find_first_not_of("+-.0123456789eE") == std::string_view::npos &&
                          text.find_first_of("0123456789") != std::string_view::npos;
  if (looks_like_float) {
    std::string copy(text);
    char* stop = nullptr;
    double number = std::strtod(copy.c_str(), &stop);
    if (stop == copy.c_str() + copy.size()) return number;
  }
  return json::string(text);
}

json::value to_json(fy_node* node, int depth) {
  if (node == nullptr) return nullptr;
  if (depth > depth_limit) throw base::Error("nested more than " + std::to_string(depth_limit) + " levels deep");
  if (fy_node_is_mapping(node)) {
    Object object;
    void* place = nullptr;
    while (fy_node_pair* pair = fy_node_mapping_iterate(node, &place)) {
      size_t length = 0;
      const char* key = fy_node_get_scalar(fy_node_pair_key(pair), &length);
      if (key == nullptr) throw base::Error("a key that is not a plain text");
      object[std::string_view(key, length)] = to_json(fy_node_pair_value(pair), depth + 1);
    }
    return object;
  }
  if (fy_node_is_sequence(node)) {
    json::array array;
    void* place = nullptr;
    while (fy_node* item = fy_node_sequence_iterate(node, &place)) array.push_back(to_json(item, depth + 1));
    return array;
  }
  size_t length = 0;
  const char* text = fy_node_get_scalar(node, &length);
  if (text == nullptr) return nullptr;
  std::string_view value(text, length);
  if (fy_node_get_style(node) != FYNS_PLAIN) return json::string(value);
  return plain_scalar(value);
}

std::string collect_errors(fy_diag* diagnostics, const std::string& name) {
  void* place = nullptr;
  std::string text;
  while (fy_diag_error* error = fy_diag_errors_iterate(diagnostics, &place)) {
    if (!text.empty()) text += "\n";
    text += name + ":" + std::to_string(error->line) + ":" + std::to_string(error->column) + ": " + error->msg;
  }
  return text.empty() ? name + ": not valid YAML" : text;
}

void add_object(Object object, const std::string& place, std::vector<Object>& objects) {
  std::string kind = text_at(object, "kind"), version = text_at(object, "apiVersion");
  if (version.empty() || kind.empty()) throw base::Error(place + ": an object needs apiVersion and kind");
  if (kind.ends_with("List") && object.contains("items")) {
    size_t index = 0;
    for (const json::value& item : array_at(object, "items")) {
      std::string inner = place + " item " + std::to_string(++index);
      if (!item.is_object()) throw base::Error(inner + ": not an object");
      add_object(item.get_object(), inner, objects);
    }
    return;
  }
  if (text_at(object, "metadata.name").empty() && text_at(object, "metadata.generateName").empty()) {
    throw base::Error(place + ": " + kind + " needs metadata.name");
  }
  objects.push_back(std::move(object));
}

}  // namespace

std::vector<Object> parse_manifests(const std::string& text, const std::string& name) {
  if (text.size() > size_limit) throw base::Error(name + ": larger than 16 MiB");
  fy_diag_cfg diagnostics_config;
  fy_diag_cfg_default(&diagnostics_config);
  std::unique_ptr<fy_diag, DiagnosticsDeleter> diagnostics(fy_diag_create(&diagnostics_config));
  fy_diag_set_collect_errors(diagnostics.get(), true);
  fy_parse_cfg config{};
  config.flags = static_cast<fy_parse_cfg_flags>(FYPCF_QUIET | FYPCF_COLLECT_DIAG | FYPCF_RESOLVE_DOCUMENT);
  config.diag = diagnostics.get();
  std::unique_ptr<fy_parser, ParserDeleter> parser(fy_parser_create(&config));
  if (!parser || fy_parser_set_string(parser.get(), text.data(), text.size()) != 0) {
    throw base::Error(name + ": cannot be parsed");
  }
  std::vector<Object> objects;
  size_t number = 0;
  while (fy_document* next = fy_parse_load_document(parser.get())) {
    std::unique_ptr<fy_document, DocumentDeleter> document(next);
    std::string place = name + ": document " + std::to_string(++number);
    json::value value = base::in_context(place, [&] { return to_json(fy_document_root(document.get()), 0); });
    if (value.is_null()) continue;
    if (!value.is_object()) throw base::Error(place + ": not an object");
    objects.push_back(std::move(value.get_object()));
  }
  if (fy_parser_get_stream_error(parser.get())) throw base::Error(collect_errors(diagnostics.get(), name));
  return objects;
}

std::vector<Object> read_manifests(const std::string& text, const std::string& name) {
  std::vector<Object> objects;
  size_t number = 0;
  for (Object& document : parse_manifests(text, name)) {
    add_object(std::move(document), name + ": object " + std::to_string(++number), objects);
  }
  return objects;
}

}  // namespace kube
