// Label and field selectors.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/kube/objects.h"

namespace kube {

// A label selector, from a query ("app=web,tier!=db,env in (a,b),!old") or from a LabelSelector object.
class Selector {
 public:
  // Matches everything.
  Selector() = default;
  // Throws base::Error where the text is not one.
  static Selector parse(std::string_view text);
  // {"matchLabels": {…}, "matchExpressions": [{key, operator, values}]}; an empty object matches everything.
  static Selector from_object(const Object& label_selector);
  // As the selector of a Service is: all of these labels.
  static Selector from_labels(const StringMap& labels);

  bool matches(const StringMap& labels) const;
  // Of an object's metadata.labels.
  bool matches(const Object& object) const;
  bool empty() const { return requirements_.empty(); }
  // As a query: "app=web,tier!=db".
  std::string text() const;

 private:
  enum class Operator { in, not_in, exists, does_not_exist, greater, less };
  struct Requirement {
    std::string key;
    Operator operation = Operator::exists;
    std::vector<std::string> values;
  };
  static Requirement parse_requirement(std::string_view text);
  static bool satisfied(const Requirement& requirement, const StringMap& labels);
  std::vector<Requirement> requirements_;
};

// "spec.nodeName=worker1,status.phase!=Failed". Which fields may be selected is the caller's business.
class FieldSelector {
 public:
  struct Requirement {
    std::string path;
    std::string value;
    bool equal = true;
  };
  static FieldSelector parse(std::string_view text);
  // An absent field counts as "".
  bool matches(const Object& object) const;
  bool empty() const { return requirements_.empty(); }
  const std::vector<Requirement>& requirements() const { return requirements_; }

 private:
  std::vector<Requirement> requirements_;
};

}  // namespace kube
