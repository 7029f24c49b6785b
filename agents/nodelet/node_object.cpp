#include "agents/nodelet/node_object.h"

#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json/array.hpp>

#include "lib/base/error.h"
#include "lib/base/file_descriptor.h"

namespace nodelet {
namespace {

namespace json = boost::json;

constexpr const char* most_pods = "110";

std::string first_line(const std::string& path) {
  try {
    std::string text = base::read_file(path);
    return text.substr(0, text.find('\n'));
  } catch (const base::Error&) {
    return {};
  }
}

// PRETTY_NAME of os-release(5).
std::string pretty_name() {
  std::string text;
  try {
    text = base::read_file("/etc/os-release");
  } catch (const base::Error&) {
    return "Linux";
  }
  const std::string key = "PRETTY_NAME=\"";
  size_t begin = text.find(key);
  if (begin == std::string::npos) return "Linux";
  begin += key.size();
  return text.substr(begin, text.find('"', begin) - begin);
}

std::string go_architecture(const std::string& machine) {
  if (machine == "x86_64") return "amd64";
  if (machine == "aarch64") return "arm64";
  return machine;
}

json::object labels_of(const NodeIdentity& identity, const MachineFacts& facts) {
  json::object labels{{"kubernetes.io/hostname", identity.name},
                      {"kubernetes.io/os", "linux"},
                      {"kubernetes.io/arch", facts.architecture}};
  if (identity.control_plane) labels["node-role.kubernetes.io/control-plane"] = "";
  return labels;
}

json::object ready_condition(const Readiness& readiness, const std::vector<kube::Condition>& before) {
  std::string status = readiness.ready ? "True" : "False";
  const kube::Condition* old = kube::find_condition(before, "Ready");
  bool same = old != nullptr && old->status == status && !old->last_transition_time.empty();
  std::string now = kube::timestamp_now();
  return {{"type", "Ready"},
          {"status", status},
          {"reason", readiness.ready ? "KubeletReady" : "KubeletNotReady"},
          {"message", readiness.ready ? "kubelet is posting ready status" : readiness.message},
          {"lastHeartbeatTime", now},
          {"lastTransitionTime", same ? old->last_transition_time : now}};
}

json::object status_of(const NodeIdentity& identity, const MachineFacts& facts, const Readiness& readiness,
                       const std::vector<kube::Condition>& before) {
  json::object resources{
      {"cpu", std::to_string(facts.cpus)}, {"memory", std::to_string(facts.memory_kib) + "Ki"}, {"pods", most_pods}};
  const std::string version = std::string("v") + LABCTL_VERSION + "+labctl";
  return {{"capacity", resources},
          {"allocatable", resources},
          {"addresses", json::array{json::object{{"type", "InternalIP"}, {"address", identity.address}},
                                    json::object{{"type", "Hostname"}, {"address", identity.name}}}},
          {"conditions", json::array{ready_condition(readiness, before)}},
          {"nodeInfo", json::object{{"kernelVersion", facts.kernel_version},
                                    {"osImage", facts.os_image},
                                    {"operatingSystem", "linux"},
                                    {"architecture", facts.architecture},
                                    {"machineID", facts.machine_id},
                                    {"systemUUID", facts.machine_id},
                                    {"bootID", facts.boot_id},
                                    {"containerRuntimeVersion", "labctl://" LABCTL_VERSION},
                                    {"kubeletVersion", version},
                                    {"kubeProxyVersion", ""}}}};
}

}  // namespace

MachineFacts MachineFacts::read() {
  MachineFacts facts;
  utsname names{};
  if (::uname(&names) == 0) {
    facts.architecture = go_architecture(names.machine);
    facts.kernel_version = names.release;
  }
  facts.os_image = pretty_name();
  facts.machine_id = first_line("/etc/machine-id");
  facts.boot_id = first_line("/proc/sys/kernel/random/boot_id");
  facts.cpus = static_cast<unsigned>(std::max<long>(::sysconf(_SC_NPROCESSORS_ONLN), 1));
  facts.memory_kib = static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) *
                     static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)) / 1024;
  return facts;
}

json::object node_object(const NodeIdentity& identity, const MachineFacts& facts, const Readiness& readiness) {
  json::object spec;
  if (identity.control_plane) {
    spec["taints"] =
        json::array{json::object{{"key", "node-role.kubernetes.io/control-plane"}, {"effect", "NoSchedule"}}};
  }
  if (!identity.pod_cidr.empty()) {
    spec["podCIDR"] = identity.pod_cidr;
    spec["podCIDRs"] = json::array{identity.pod_cidr};
  }
  return {{"metadata", json::object{{"name", identity.name}, {"labels", labels_of(identity, facts)}}},
          {"spec", std::move(spec)},
          {"status", status_of(identity, facts, readiness, {})}};
}

json::object node_status_patch(const NodeIdentity& identity, const MachineFacts& facts, const Readiness& readiness,
                               const std::vector<kube::Condition>& before) {
  return {{"metadata", json::object{{"labels", labels_of(identity, facts)}}},
          {"status", status_of(identity, facts, readiness, before)}};
}

bool is_reported(const kube::Node& node, const NodeIdentity& identity, const Readiness& readiness) {
  const kube::Condition* ready = kube::find_condition(node.conditions, "Ready");
  if (ready == nullptr || ready->status != (readiness.ready ? "True" : "False")) return false;
  if (!readiness.ready && ready->message != readiness.message) return false;
  return node.internal_ip() == identity.address;
}

json::object lease_object(const std::string& node, const std::string& node_uid) {
  json::object metadata{{"name", node}, {"namespace", "kube-node-lease"}};
  if (!node_uid.empty()) {
    metadata["ownerReferences"] =
        json::array{json::object{{"apiVersion", "v1"}, {"kind", "Node"}, {"name", node}, {"uid", node_uid}}};
  }
  return {{"metadata", std::move(metadata)},
          {"spec", json::object{{"holderIdentity", node},
                                {"leaseDurationSeconds", lease_duration_seconds},
                                {"renewTime", kube::micro_timestamp_now()}}}};
}

json::object lease_renewal() {
  return {{"spec", json::object{{"renewTime", kube::micro_timestamp_now()}}}};
}

}  // namespace nodelet
