#include "agents/nodelet/unsupported.h"

#include <boost/json/array.hpp>

namespace nodelet {
namespace {

constexpr const char* pod_fields[] = {
    "activeDeadlineSeconds", "ephemeralContainers", "hostIPC",           "hostPID",
    "runtimeClassName",      "securityContext",     "setHostnameAsFQDN", "shareProcessNamespace",
};

constexpr const char* container_fields[] = {
    "lifecycle.postStart.httpGet",
    "lifecycle.postStart.sleep",
    "lifecycle.postStart.tcpSocket",
    "lifecycle.preStop.httpGet",
    "lifecycle.preStop.tcpSocket",
    "lifecycle.stopSignal",
    "livenessProbe.terminationGracePeriodSeconds",
    "resources.limits",
    "restartPolicy",
    "securityContext",
    "startupProbe.terminationGracePeriodSeconds",
    "stdin",
    "tty",
    "volumeDevices",
};

bool says_something(const boost::json::value* value) {
  if (value == nullptr || value->is_null()) return false;
  if (value->is_bool()) return value->get_bool();
  if (value->is_array()) return !value->get_array().empty();
  if (value->is_object()) return !value->get_object().empty();
  return true;
}

template <class Fields>
void add(std::vector<std::string>& found, const std::string& path, const kube::Object& object, const Fields& fields) {
  for (const char* field : fields) {
    if (says_something(kube::find(object, field))) found.push_back(path + "." + field);
  }
}

}  // namespace

std::vector<std::string> unsupported_fields(const kube::Object& pod) {
  std::vector<std::string> found;
  const kube::Object& spec = kube::object_at(pod, "spec");
  add(found, "spec", spec, pod_fields);
  for (const std::string list : {"initContainers", "containers"}) {
    for (const boost::json::value& element : kube::array_at(spec, list)) {
      if (!element.is_object()) continue;
      const kube::Object& container = element.get_object();
      add(found, "spec." + list + "{" + kube::text_at(container, "name") + "}", container, container_fields);
    }
  }
  return found;
}

}  // namespace nodelet
