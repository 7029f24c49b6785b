#include "agents/nodelet/workload.h"

#include <optional>

namespace nodelet {
namespace {

constexpr const char* echo_program = "/run/labctl/libexec/echo";
constexpr uint16_t echo_default_port = 8080;

// "registry.example:5000/team/echo:1.2@sha256:…" is called echo.
std::string image_name(const std::string& image) {
  std::string name = image.substr(image.rfind('/') + 1);
  return name.substr(0, name.find_first_of(":@"));
}

// "metadata.labels['app']": the part in quotes, where FIELD is PREFIX with such a subscript.
std::optional<std::string> subscript(const std::string& field, const std::string& prefix) {
  std::string begin = prefix + "['";
  if (!field.starts_with(begin) || !field.ends_with("']")) return std::nullopt;
  return field.substr(begin.size(), field.size() - begin.size() - 2);
}

std::string value_of(const kube::StringMap& map, const std::string& key) {
  auto found = map.find(key);
  return found == map.end() ? std::string() : found->second;
}

std::optional<std::string> field_of(const kube::Pod& pod, const Place& place, const std::string& field) {
  if (field == "metadata.name") return pod.metadata.name;
  if (field == "metadata.namespace") return pod.metadata.namespace_name;
  if (field == "metadata.uid") return pod.metadata.uid;
  if (field == "status.podIP" || field == "status.podIPs") return place.pod_ip;
  if (field == "status.hostIP" || field == "status.hostIPs") return place.host_ip;
  if (field == "spec.nodeName") return place.node;
  if (field == "spec.serviceAccountName") return "default";
  if (auto label = subscript(field, "metadata.labels")) return value_of(pod.metadata.labels, *label);
  if (auto annotation = subscript(field, "metadata.annotations")) {
    return value_of(pod.metadata.annotations, *annotation);
  }
  return std::nullopt;
}

Refusal bad_configuration(const std::string& message) {
  return {"CreateContainerConfigError", message};
}

std::optional<Refusal> fill_environment(const kube::Pod& pod, const kube::Container& container, const Place& place,
                                        std::map<std::string, std::string>& environment) {
  if (container.has_environment_sources) {
    return bad_configuration("envFrom is not served here: name the variables in env, with their values");
  }
  for (const kube::EnvironmentVariable& variable : container.environment) {
    if (!variable.other_source.empty()) {
      return bad_configuration("env " + variable.name + ": valueFrom." + variable.other_source +
                               " is not served here: give the variable its value");
    }
    if (variable.field_path.empty()) {
      environment[variable.name] = expand(variable.value, environment);
      continue;
    }
    std::optional<std::string> value = field_of(pod, place, variable.field_path);
    if (!value) return bad_configuration("env " + variable.name + ": there is no field " + variable.field_path);
    environment[variable.name] = *value;
  }
  environment.try_emplace("POD_NAME", pod.metadata.name);
  environment.try_emplace("POD_NAMESPACE", pod.metadata.namespace_name);
  environment.try_emplace("POD_IP", place.pod_ip);
  environment.try_emplace("NODE_NAME", place.node);
  return std::nullopt;
}

std::vector<std::string> echo_arguments(const kube::Container& container) {
  std::vector<std::string> arguments;
  for (const kube::ContainerPort& port : container.ports) {
    if (port.protocol == "TCP") arguments.insert(arguments.end(), {"--http", std::to_string(port.port)});
    if (port.protocol == "UDP") arguments.insert(arguments.end(), {"--udp", std::to_string(port.port)});
  }
  if (arguments.empty()) arguments = {"--http", std::to_string(echo_default_port)};
  return arguments;
}

}  // namespace

std::string expand(const std::string& text, const std::map<std::string, std::string>& variables) {
  std::string result;
  for (size_t at = 0; at < text.size(); ++at) {
    char next = at + 1 < text.size() ? text[at + 1] : '\0';
    size_t end = text[at] == '$' && next == '(' ? text.find(')', at) : std::string::npos;
    if (text[at] == '$' && next == '$') {
      result += '$';
      ++at;
    } else if (end != std::string::npos) {
      auto found = variables.find(text.substr(at + 2, end - at - 2));
      result += found == variables.end() ? text.substr(at, end - at + 1) : found->second;
      at = end;
    } else {
      result += text[at];
    }
  }
  return result;
}

std::variant<Command, Refusal> command_for(const kube::Pod& pod, const kube::Container& container, const Place& place) {
  Command command;
  if (auto refusal = fill_environment(pod, container, place, command.environment)) return *refusal;
  std::vector<std::string> arguments = container.arguments;
  command.arguments = container.command;
  if (command.arguments.empty()) {
    if (image_name(container.image) != "echo") {
      return Refusal{"ErrImageNeverPull",
                     "Container image \"" + container.image +
                         "\" is not present with pull policy of Never: a lab has no images. Give the container a "
                         "command of the host (command: [nginx, -g, daemon off;]), or use the image echo"};
    }
    command.arguments = {echo_program};
    if (arguments.empty()) arguments = echo_arguments(container);
  }
  command.arguments.insert(command.arguments.end(), arguments.begin(), arguments.end());
  for (std::string& argument : command.arguments) argument = expand(argument, command.environment);
  if (!container.working_directory.empty()) command.working_directory = container.working_directory;
  return command;
}

}  // namespace nodelet
