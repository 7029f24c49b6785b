// From what is known of a pod's containers to the status of its Pod object: a pure function, kubelet's rules.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lib/kube/objects.h"

namespace nodelet {

struct ContainerState {
  enum class Phase { waiting, running, terminated };
  Phase phase = Phase::waiting;
  std::string reason = {};       // waiting, terminated
  std::string message = {};      // waiting, terminated
  std::string id = {};           // running, terminated
  int exit_code = 0;             // terminated
  std::string started_at = {};   // running, terminated
  std::string finished_at = {};  // terminated

  bool running() const { return phase == Phase::running; }
  bool terminated() const { return phase == Phase::terminated; }
  bool waiting() const { return phase == Phase::waiting; }
  bool succeeded() const { return terminated() && exit_code == 0; }
};

struct ContainerStatus {
  std::string name;
  std::string image;
  ContainerState state;
  std::optional<ContainerState> last;  // of the run before
  std::int64_t restarts = 0;
  bool started = false;
  bool ready = false;
};

struct PodState {
  std::vector<ContainerStatus> init_containers;
  std::vector<ContainerStatus> containers;
  std::string pod_ip;  // empty: none yet
  std::string host_ip;
  std::string start_time;

  // All init containers have done their work, or there is none.
  bool initialized() const;
};

// "Pending", "Running", "Succeeded" or "Failed".
std::string phase_of(const kube::Pod& pod, const PodState& state);

// BEFORE are the conditions that the object has, or had last: those that keep their value keep their time, and the
// pod's readiness gates stand there.
boost::json::object status_of(const kube::Pod& pod, const PodState& state, const std::vector<kube::Condition>& before);
// The body of the strategic merge patch that brings STATUS to the object of this UID alone.
boost::json::object status_patch(const std::string& uid, const boost::json::object& status);
// Whether an object whose status reads CURRENT lacks something of STATUS that others decide by.
bool contradicts(const kube::Pod& current, const boost::json::object& status);

// The status that an earlier nodelet has written about container NAME; nothing where there is none.
std::optional<ContainerStatus> parse_container_status(const kube::Object& pod, const std::string& name);

}  // namespace nodelet
