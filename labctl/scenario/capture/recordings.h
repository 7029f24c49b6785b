// What is recorded in a node while a scenario runs: files of pcapng in its own /run, each written by a process that
// stays behind.
#pragma once

#include <boost/json/object.hpp>
#include <string>

#include "labctl/scenario/capture/live_interface.h"

namespace capture {

inline constexpr const char* recordings_folder = "/run/labctl-capture";

// Ends this process once everything is captured; the recording goes on in a process of its own until its node ends, or
// until the same links are recorded anew.
[[noreturn]] void start_recording(const Options& options);

// What of the recordings on LINK (empty: of all recordings) matches FILTER: {"packets", "recorded", "lost",
// "lines": the last that match, or of all where none does, as tcpdump shows them}. Throws where nothing is recorded
// there.
boost::json::object count_recorded(const std::string& link, const std::string& filter);

}  // namespace capture
