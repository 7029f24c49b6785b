#include "lib/kube/selector.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <charconv>
#include <optional>

#include "lib/base/error.h"

namespace kube {
namespace {

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// At the commas that are not inside parentheses.
std::vector<std::string_view> split_requirements(std::string_view text) {
  std::vector<std::string_view> parts;
  int depth = 0;
  size_t begin = 0;
  for (size_t at = 0; at <= text.size(); ++at) {
    if (at == text.size() || (text[at] == ',' && depth == 0)) {
      std::string_view part = trimmed(text.substr(begin, at - begin));
      if (!part.empty()) parts.push_back(part);
      begin = at + 1;
    } else if (text[at] == '(') {
      ++depth;
    } else if (text[at] == ')') {
      --depth;
    }
  }
  return parts;
}

std::vector<std::string> split_values(std::string_view text, std::string_view whole) {
  text = trimmed(text);
  if (!text.starts_with('(') || !text.ends_with(')')) {
    throw base::Error("unable to parse requirement: found '" + std::string(whole) + "', expected: '(' … ')'");
  }
  std::vector<std::string> values;
  for (std::string_view part : split_requirements(text.substr(1, text.size() - 2))) values.emplace_back(part);
  return values;
}

void check_key(std::string_view key, std::string_view whole) {
  bool bad = key.empty() || key.find_first_of(" \t()!=<>") != std::string_view::npos;
  if (bad) throw base::Error("unable to parse requirement: \"" + std::string(whole) + "\" has no valid label key");
}

std::optional<int64_t> whole_number(const std::string& text) {
  int64_t number = 0;
  auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::string joined(const std::vector<std::string>& values) {
  std::string text;
  for (const std::string& value : values) text += (text.empty() ? "" : ",") + value;
  return text;
}

}  // namespace

Selector::Requirement Selector::parse_requirement(std::string_view text) {
  if (text.starts_with('!')) {
    std::string_view key = trimmed(text.substr(1));
    check_key(key, text);
    return {std::string(key), Operator::does_not_exist, {}};
  }
  size_t sign = text.find_first_of("=!<>");
  if (sign != std::string_view::npos) {
    std::string_view key = trimmed(text.substr(0, sign));
    std::string_view rest = text.substr(sign);
    Operator operation = Operator::in;
    size_t length = 1;
    if (rest.starts_with("!=")) {
      operation = Operator::not_in;
      length = 2;
    } else if (rest.starts_with("==")) {
      length = 2;
    } else if (rest.starts_with(">")) {
      operation = Operator::greater;
    } else if (rest.starts_with("<")) {
      operation = Operator::less;
    } else if (rest.starts_with("!")) {
      throw base::Error("unable to parse requirement: \"" + std::string(text) + "\"");
    }
    check_key(key, text);
    return {std::string(key), operation, {std::string(trimmed(rest.substr(length)))}};
  }
  size_t space = text.find_first_of(" \t");
  if (space == std::string_view::npos) {
    check_key(text, text);
    return {std::string(text), Operator::exists, {}};
  }
  std::string_view key = text.substr(0, space);
  std::string_view rest = trimmed(text.substr(space));
  check_key(key, text);
  if (rest.starts_with("notin")) return {std::string(key), Operator::not_in, split_values(rest.substr(5), text)};
  if (rest.starts_with("in")) return {std::string(key), Operator::in, split_values(rest.substr(2), text)};
  throw base::Error("unable to parse requirement: found '" + std::string(rest) +
                    "', expected: in, notin, =, ==, !=, gt, lt");
}

Selector Selector::parse(std::string_view text) {
  Selector selector;
  for (std::string_view part : split_requirements(text)) selector.requirements_.push_back(parse_requirement(part));
  return selector;
}

Selector Selector::from_object(const Object& label_selector) {
  Selector selector = from_labels(string_map_at(label_selector, "matchLabels"));
  for (const auto& element : array_at(label_selector, "matchExpressions")) {
    if (!element.is_object()) continue;
    const Object& expression = element.get_object();
    std::string name = text_at(expression, "operator");
    Operator operation = Operator::in;
    if (name == "NotIn") {
      operation = Operator::not_in;
    } else if (name == "Exists") {
      operation = Operator::exists;
    } else if (name == "DoesNotExist") {
      operation = Operator::does_not_exist;
    } else if (name != "In") {
      throw base::Error("\"" + name + "\" is not a valid label selector operator");
    }
    selector.requirements_.push_back({text_at(expression, "key"), operation, strings_at(expression, "values")});
  }
  return selector;
}

Selector Selector::from_labels(const StringMap& labels) {
  Selector selector;
  for (const auto& [key, value] : labels) selector.requirements_.push_back({key, Operator::in, {value}});
  return selector;
}

bool Selector::satisfied(const Requirement& requirement, const StringMap& labels) {
  auto found = labels.find(requirement.key);
  bool present = found != labels.end();
  auto listed = [&] {
    return std::find(requirement.values.begin(), requirement.values.end(), found->second) != requirement.values.end();
  };
  switch (requirement.operation) {
    case Operator::in:
      return present && listed();
    case Operator::not_in:
      return !present || !listed();
    case Operator::exists:
      return present;
    case Operator::does_not_exist:
      return !present;
    case Operator::greater:
    case Operator::less: {
      if (!present) return false;
      auto left = whole_number(found->second), right = whole_number(requirement.values.front());
      if (!left || !right) return false;
      return requirement.operation == Operator::greater ? *left > *right : *left < *right;
    }
  }
  return false;
}

bool Selector::matches(const StringMap& labels) const {
  return std::all_of(requirements_.begin(), requirements_.end(),
                     [&](const Requirement& requirement) { return satisfied(requirement, labels); });
}

bool Selector::matches(const Object& object) const {
  return requirements_.empty() || matches(string_map_at(object, "metadata.labels"));
}

std::string Selector::text() const {
  std::string text;
  for (const Requirement& requirement : requirements_) {
    if (!text.empty()) text += ",";
    bool single = requirement.values.size() == 1;
    std::string list = single ? requirement.values.front() : "(" + joined(requirement.values) + ")";
    switch (requirement.operation) {
      case Operator::in:
        text += requirement.key + (single ? "=" : " in ") + list;
        break;
      case Operator::not_in:
        text += requirement.key + (single ? "!=" : " notin ") + list;
        break;
      case Operator::exists:
        text += requirement.key;
        break;
      case Operator::does_not_exist:
        text += "!" + requirement.key;
        break;
      case Operator::greater:
        text += requirement.key + ">" + list;
        break;
      case Operator::less:
        text += requirement.key + "<" + list;
        break;
    }
  }
  return text;
}

FieldSelector FieldSelector::parse(std::string_view text) {
  FieldSelector selector;
  for (std::string_view part : split_requirements(text)) {
    size_t sign = part.find_first_of("!=");
    if (sign == std::string_view::npos || sign == 0) {
      throw base::Error("invalid field selector: \"" + std::string(part) + "\"; can't understand it as key=value");
    }
    bool equal = part[sign] == '=';
    size_t length = part.substr(sign).starts_with("==") || !equal ? 2 : 1;
    if (!equal && !part.substr(sign).starts_with("!=")) {
      throw base::Error("invalid field selector: \"" + std::string(part) + "\"; can't understand it as key=value");
    }
    selector.requirements_.push_back(
        {std::string(trimmed(part.substr(0, sign))), std::string(trimmed(part.substr(sign + length))), equal});
  }
  return selector;
}

bool FieldSelector::matches(const Object& object) const {
  return std::all_of(requirements_.begin(), requirements_.end(), [&](const Requirement& requirement) {
    const boost::json::value* value = find(object, requirement.path);
    std::string text;
    if (value != nullptr && value->is_string()) text = std::string(value->get_string());
    if (value != nullptr && value->is_bool()) text = value->get_bool() ? "true" : "false";
    if (value != nullptr && value->is_int64()) text = std::to_string(value->get_int64());
    return (text == requirement.value) == requirement.equal;
  });
}

}  // namespace kube
