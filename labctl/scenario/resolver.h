// What the ${references} in a scenario's texts stand for, at the time of asking.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "labctl/scenario/access.h"
#include "labctl/topology/references.h"
#include "lib/kube/objects.h"

namespace scenario {

// Asks the lab's API server, each thing once: one resolver a look, as pods come and go. Throws base::Error naming the
// reference and what there is.
class Resolver {
 public:
  Resolver(LabAccess& access, const topology::Topology& topology) : access_(access), topology_(topology) {}

  std::string text(const std::string& text, topology::TextKind kind = topology::TextKind::plain);
  std::vector<std::string> texts(const std::vector<std::string>& texts);
  // A text that is a regular expression: what references stand for is matched literally.
  std::string pattern(const std::string& pattern);
  // A node, or a pod as the lab knows it: "default/web-5d9c".
  std::string place(const std::string& text);
  std::string pod(const std::string& text);

 private:
  std::string value(const topology::Reference& reference);
  std::string value(const std::string& written, const topology::PodReference& reference);
  std::string value(const std::string& written, const topology::ServiceReference& reference);
  std::string value(const std::string& written, const topology::NodeReference& reference);
  const kube::Pod& find(const std::string& written, const topology::PodReference& reference);
  // The items of a List, or the object itself.
  boost::json::object ask(const std::string& path);

  LabAccess& access_;
  const topology::Topology& topology_;
  std::map<std::string, std::vector<kube::Pod>> pods_;                    // by selector
  std::map<std::string, std::map<std::string, kube::Service>> services_;  // by namespace and name
};

}  // namespace scenario
