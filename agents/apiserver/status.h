// Refusals, as Kubernetes words them: each becomes a Status object.
#pragma once

#include <boost/json/value.hpp>
#include <exception>
#include <string>
#include <vector>

#include "agents/apiserver/kind.h"

namespace apiserver {

class StatusError : public std::exception {
 public:
  StatusError(int code, std::string reason, std::string message, Object details = {});

  int code() const { return code_; }
  Object status() const;
  const char* what() const noexcept override { return message_.c_str(); }

 private:
  int code_;
  std::string reason_;
  std::string message_;
  Object details_;
};

StatusError bad_request(const std::string& message);
StatusError not_found(const Kind& kind, const std::string& name);
StatusError unknown_path();
StatusError already_exists(const Kind& kind, const std::string& name);
StatusError conflict(const Kind& kind, const std::string& name, const std::string& why);
StatusError forbidden(const Kind& kind, const std::string& name, const std::string& why);
StatusError expired(const std::string& message);
StatusError method_not_allowed();
StatusError unsupported_media_type(const std::string& given, const std::string& accepted);
StatusError not_implemented(const std::string& message);

// {"kind": "Status", "status": "Success"} for a completed delete.
Object success_status(const Kind& kind, const Object& object);

// What validation found wrong, field by field.
class Faults {
 public:
  // FIELD is "spec.ports[0].nodePort"; VALUE is shown as Go would print it.
  template <class Value>
  void invalid(const std::string& field, const Value& value, const std::string& why) {
    add_invalid(field, boost::json::value(value), why);
  }
  template <class Value>
  void duplicate(const std::string& field, const Value& value) {
    add_duplicate(field, boost::json::value(value));
  }
  void required(const std::string& field, const std::string& why = {});
  void not_supported(const std::string& field, const std::string& value, const std::vector<std::string>& supported);
  void forbidden(const std::string& field, const std::string& why);

  bool empty() const { return causes_.empty(); }
  // Throws a StatusError (422) that lists them, where there are any.
  void check(const Kind& kind, const std::string& name) const;

 private:
  struct Cause {
    std::string reason;
    std::string field;
    std::string message;
  };
  void add_invalid(const std::string& field, const boost::json::value& value, const std::string& why);
  void add_duplicate(const std::string& field, const boost::json::value& value);
  std::vector<Cause> causes_;
};

}  // namespace apiserver
