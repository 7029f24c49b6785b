// From a container of a Pod to the command that is run for it. A lab has no images: a container is a built-in workload
// or a command of the host.
#pragma once

#include <map>
#include <string>
#include <variant>
#include <vector>

#include "lib/kube/objects.h"

namespace nodelet {

struct Command {
  std::vector<std::string> arguments;
  std::map<std::string, std::string> environment;
  std::string working_directory = "/";
};

// Why a container cannot be run, in kubelet's terms: "ErrImageNeverPull", "CreateContainerConfigError".
struct Refusal {
  std::string reason;
  std::string message;
};

// Where the pod is, for the fields that the Pod object need not have yet.
struct Place {
  std::string node;
  std::string host_ip;
  std::string pod_ip;
};

// Environment variables about Services (WEB_SERVICE_HOST) are left out: they tell of the Services that there were when
// a container started, and mislead where Services come and go; DNS is there for that.
std::variant<Command, Refusal> command_for(const kube::Pod& pod, const kube::Container& container, const Place& place);

// $(NAME) by its value in VARIABLES; stays as it is where there is none, and $$(NAME) means the text $(NAME).
std::string expand(const std::string& text, const std::map<std::string, std::string>& variables);

}  // namespace nodelet
