#include "agents/apiserver/status.h"

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <utility>

namespace apiserver {
namespace {

namespace json = boost::json;

std::string quoted(const std::string& text) {
  return "\"" + text + "\"";
}

Object details_of(const Kind& kind, const std::string& name) {
  Object details{{"name", name}, {"kind", kind.resource.plural}};
  if (!kind.resource.group.empty()) details["group"] = kind.resource.group;
  return details;
}

// As Go's %#v prints the values that occur in refusals.
std::string go_value(const json::value& value) {
  const json::array* list = value.if_array();
  if (list == nullptr || list->empty() || !list->front().is_string()) return json::serialize(value);
  std::string text;
  for (const json::value& element : *list) text += (text.empty() ? "" : ", ") + json::serialize(element);
  return "[]string{" + text + "}";
}

}  // namespace

StatusError::StatusError(int code, std::string reason, std::string message, Object details)
    : code_(code), reason_(std::move(reason)), message_(std::move(message)), details_(std::move(details)) {}

Object StatusError::status() const {
  Object status{{"kind", "Status"},    {"apiVersion", "v1"}, {"metadata", Object()}, {"status", "Failure"},
                {"message", message_}, {"reason", reason_},  {"code", code_}};
  if (!details_.empty()) status["details"] = details_;
  return status;
}

StatusError bad_request(const std::string& message) {
  return {400, "BadRequest", message};
}

StatusError not_found(const Kind& kind, const std::string& name) {
  return {404, "NotFound", kind.qualified_name() + " " + quoted(name) + " not found", details_of(kind, name)};
}

StatusError unknown_path() {
  return {404, "NotFound", "the server could not find the requested resource"};
}

StatusError already_exists(const Kind& kind, const std::string& name) {
  return {409, "AlreadyExists", kind.qualified_name() + " " + quoted(name) + " already exists", details_of(kind, name)};
}

StatusError conflict(const Kind& kind, const std::string& name, const std::string& why) {
  return {409, "Conflict",
          "Operation cannot be fulfilled on " + kind.qualified_name() + " " + quoted(name) + ": " + why,
          details_of(kind, name)};
}

StatusError forbidden(const Kind& kind, const std::string& name, const std::string& why) {
  return {403, "Forbidden", kind.qualified_name() + " " + quoted(name) + " is forbidden: " + why,
          details_of(kind, name)};
}

StatusError expired(const std::string& message) {
  return {410, "Expired", message};
}

StatusError method_not_allowed() {
  return {405, "MethodNotAllowed", "the server does not allow this method on the requested resource"};
}

StatusError unsupported_media_type(const std::string& given, const std::string& accepted) {
  return {
      415, "UnsupportedMediaType",
      "the body of the request was in an unknown format (" + given + ") - accepted media types include: " + accepted};
}

StatusError not_implemented(const std::string& message) {
  return {501, "NotImplemented", message};
}

Object success_status(const Kind& kind, const Object& object) {
  Object details = details_of(kind, kube::text_at(object, "metadata.name"));
  details["uid"] = kube::text_at(object, "metadata.uid");
  return {{"kind", "Status"},
          {"apiVersion", "v1"},
          {"metadata", Object()},
          {"status", "Success"},
          {"details", std::move(details)}};
}

void Faults::add_invalid(const std::string& field, const json::value& value, const std::string& why) {
  causes_.push_back({"FieldValueInvalid", field, "Invalid value: " + go_value(value) + ": " + why});
}

void Faults::required(const std::string& field, const std::string& why) {
  causes_.push_back({"FieldValueRequired", field, "Required value" + (why.empty() ? "" : ": " + why)});
}

void Faults::add_duplicate(const std::string& field, const json::value& value) {
  causes_.push_back({"FieldValueDuplicate", field, "Duplicate value: " + go_value(value)});
}

void Faults::not_supported(const std::string& field, const std::string& value,
                           const std::vector<std::string>& supported) {
  std::string list;
  for (const std::string& one : supported) list += (list.empty() ? "" : ", ") + quoted(one);
  causes_.push_back(
      {"FieldValueNotSupported", field, "Unsupported value: " + quoted(value) + ": supported values: " + list});
}

void Faults::forbidden(const std::string& field, const std::string& why) {
  causes_.push_back({"FieldValueForbidden", field, "Forbidden: " + why});
}

void Faults::check(const Kind& kind, const std::string& name) const {
  if (causes_.empty()) return;
  json::array causes;
  std::string list;
  for (const Cause& cause : causes_) {
    causes.push_back(Object{{"reason", cause.reason}, {"message", cause.message}, {"field", cause.field}});
    list += (list.empty() ? "" : ", ") + cause.field + ": " + cause.message;
  }
  if (causes_.size() > 1) list = "[" + list + "]";
  Object details{{"name", name}, {"kind", kind.resource.kind}};
  if (!kind.resource.group.empty()) details["group"] = kind.resource.group;
  details["causes"] = std::move(causes);
  std::string what = kind.resource.kind + (kind.resource.group.empty() ? "" : "." + kind.resource.group);
  throw StatusError(422, "Invalid", what + " " + quoted(name) + " is invalid: " + list, std::move(details));
}

}  // namespace apiserver
