// A lab's control API (docs/control-api.md) as calls.
//
// Blocking, for commands and scenarios. Errors: base::Error with the supervisor's own words; where the lab has died,
// with what its log said last, so that every call to a dead lab says why it is dead.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "labctl/lab/runtime.h"
#include "lib/base/http.h"

namespace lab {

struct CommandResult {
  int exit_code = 0;  // 128 + the signal that ended it, as a shell says it
  std::string output;
  std::string error_output;
  bool timed_out = false;  // it was ended because it took longer than it might
};

// A command in a node, to its end. For those with a terminal see `labctl exec`.
struct Command {
  std::string node;  // or a pod: "default/web-5d9c"
  std::vector<std::string> arguments;
  std::map<std::string, std::string> environment;
  std::string input;
  std::optional<std::chrono::milliseconds> timeout;
};

class Control {
 public:
  explicit Control(LabFolder folder);

  const LabFolder& folder() const { return folder_; }
  base::http::Endpoint endpoint() const;

  boost::json::object lab();
  boost::json::array nodes();  // and pods
  boost::json::array processes();
  void end();
  void kill_node(const std::string& node_or_pod);
  void restart_node(const std::string& node);
  void restart_process(const std::string& full_name);
  void signal_process(const std::string& full_name, int signal);

  // FAULT as a scenario has it; the answer is FAULT of docs/control-api.md. LASTING: a duration as topologies have it,
  // or empty.
  boost::json::object inject(const boost::json::object& fault, const std::string& lasting = {});
  boost::json::array faults();
  void heal(std::uint64_t fault);
  void heal_all();

  // Throws where it cannot be started, too.
  CommandResult run(const Command& command);

  // TARGET: "/v1/…". Throws where the answer is no success.
  boost::json::object get(const std::string& target);
  boost::json::object post(const std::string& target, const boost::json::object& body = {});
  // The pieces of an answer to a request with a body, as they come.
  void post_stream(const std::string& target, const boost::json::object& body,
                   const std::function<bool(std::string_view)>& on_data);
  // The pieces of an answer as they come, until its end or until ON_DATA returns false.
  void stream(const std::string& target, const std::function<bool(std::string_view)>& on_data);

 private:
  void stream(base::http::Request request, const std::function<bool(std::string_view)>& on_data);
  base::http::Response call(const std::string& method, const std::string& target, std::string body = {});

  LabFolder folder_;
};

}  // namespace lab
