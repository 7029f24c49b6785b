// One topology, once, from its file to its result: the lab is brought up, its scenario run, and the lab is brought
// down.
#pragma once

#include <boost/json/object.hpp>
#include <functional>
#include <optional>
#include <string>

#include "labctl/scenario/result.h"

namespace scenario {

struct Job {
  std::string path;
  std::string lab;                    // its name: no other lab's
  std::optional<std::string> kernel;  // "host", "uml"; nothing: chosen
  unsigned memory_mib = 0;            // of an embedded kernel; 0: the default
  bool allow_writable = false;        // what the topology mounts writable
  bool keep = false;                  // the lab goes on
  bool versions = false;              // the result says which tools the lab has
  std::string folder;                 // made where it fails
  unsigned repetition = 1;
};

// What is told while it goes on: a phase of the start, that the lab is up, that a step begins, that one has ended.
struct Progress {
  std::function<void(const std::string& what)> phase;
  std::function<void(const RunResult& so_far)> up;
  std::function<void(const std::string& what)> step_begins;
  std::function<void(const StepResult&)> step_ended;
};

RunResult run_one(const Job& job, const Progress& progress);

boost::json::object to_json(const Job& job);
Job parse_job(const boost::json::object& object);

// The worker: reads a Job as JSON from INPUT, runs it, and writes to OUTPUT one JSON object a line: {"event": "phase" |
// "up" | "step begins" | "step ended" | "result", …}. A process of its own, so that a crash is one test's.
int run_worker(int input, int output);

}  // namespace scenario
