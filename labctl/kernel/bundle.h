// The bundle: all that a lab is made from, as JSON in a descriptor (see LabSpec in lab.h).
#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <vector>

#include "labctl/kernel/lab.h"

namespace kernel {

// Descriptors that every program of a lab is started with. 1 and 2 go to the lab's log.
enum LabDescriptorNumber {
  kBundleFd = 3,
  kListenerFd = 4,
  kProgressFd = 5,
  kLockFd = 6,
  kLabLogFd = 7,
  kGuestLogFd = 8
};

// Reads it without moving the descriptor's position. Throws base::Error where it is none.
boost::json::object read_bundle(int descriptor);

std::string bundle_provider(const boost::json::object& bundle);
std::string bundle_name(const boost::json::object& bundle);
unsigned bundle_memory_mib(const boost::json::object& bundle);
std::vector<std::string> bundle_needs(const boost::json::object& bundle);
std::vector<Mount> bundle_mounts(const boost::json::object& bundle);

// A line of progress, as whoever started the lab reads it.
std::string progress_line(const std::string& phase, const std::string& message, double milliseconds);
std::string error_line(const std::string& message);

}  // namespace kernel
