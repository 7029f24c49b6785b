// What is recorded in a node while a scenario runs: files of pcapng in its own /run, each written by a process that
// stays behind.
#pragma once

#include <boost/json/object.hpp>
#include <string>

#include "labctl/scenario/capture/live_interface.h"

namespace capture {

// Ends this process once everything is captured; the recording goes on in a process of its own until its node ends, or
// until the same links are recorded anew.
[[noreturn]] void start_recording(const Options& options);

// What of OPTIONS.node's recordings on OPTIONS.links (one, or none for all recordings) matches OPTIONS.filter:
// {"packets", "recorded", "lost", "lines": the last that match, or of all where none does, as tcpdump shows them}.
// Throws where nothing is recorded there.
boost::json::object count_recorded(const Options& options);

}  // namespace capture
