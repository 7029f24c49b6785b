// One command in a node or pod by the control API's `exec`: the protocol, on an event loop of the caller's.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "labctl/lab/runtime.h"
#include "lib/base/error.h"

namespace boost::asio {
class io_context;
}

namespace lab {

struct WindowSize {
  unsigned short rows = 24;
  unsigned short columns = 80;
};

struct ExecRequest {
  std::string node;  // or a pod: "default/web-5d9c"
  std::vector<std::string> arguments;
  std::map<std::string, std::string> environment;
  std::string working_directory = "/";
  std::optional<WindowSize> terminal;  // set: it gets a terminal of this size
};

struct ExecEnd {
  int exit_code = 0;                   // 128 + the signal that ended it, as a shell says it
  std::string could_not_start;         // why, where it never ran
  std::optional<base::Error> failure;  // set where the connection to the lab ended first
};

// Backpressure: a caller sends no input while writable() is false, until on_writable; and pauses the output when it has
// more than it can take. So neither side's memory grows with a slow reader.
class ExecSession {
 public:
  struct Callbacks {
    std::function<void(std::string_view)> output;
    std::function<void(std::string_view)> error_output;
    std::function<void()> writable;
    std::function<void(ExecEnd)> ended;  // called once, last of all
  };
  static std::shared_ptr<ExecSession> start(boost::asio::io_context& loop, const LabFolder& folder,
                                            const ExecRequest& request, Callbacks callbacks);

  virtual ~ExecSession() = default;
  virtual bool writable() const = 0;
  virtual void send_input(std::string_view data) = 0;
  virtual void end_input() = 0;
  virtual void signal(int number) = 0;  // to its process group
  virtual void resize(WindowSize size) = 0;
  virtual void pause() = 0;
  virtual void resume() = 0;
  // Goes away; the command gets SIGHUP. No callback comes after it.
  virtual void abandon() = 0;
};

}  // namespace lab
