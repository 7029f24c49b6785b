#include <fmt/format.h>
#include <re2/re2.h>

#include "labctl/topology/daemons/kind.h"

namespace topology {
namespace {

// nginx refuses some directives that are given twice; what the file says itself is left to it.
bool says(const std::string& configuration, const std::string& directive) {
  return RE2::PartialMatch(configuration, "(?m)^[^#\n]*\\b" + directive + "\\s");
}

// It listens where its first "listen" with a port says, or at the socket of one that has a path; at port 80, nginx's
// own, where there is none.
Ready ready(const std::string& configuration) {
  Ready ready{Ready::Tcp{80}, Duration(20000)};
  unsigned port = 0;
  std::string socket;
  if (RE2::PartialMatch(configuration, R"((?m)^[^#\n]*\blisten\s+(?:[^\s;]*:)?(\d+)[\s;])", &port)) {
    ready.condition = Ready::Tcp{static_cast<std::uint16_t>(port)};
  } else if (RE2::PartialMatch(configuration, R"((?m)^[^#\n]*\blisten\s+unix:([^\s;]+))", &socket)) {
    ready.condition = Ready::File{socket};
  }
  return ready;
}

DaemonStart start(const std::string& configuration, const std::string& folder) {
  DaemonStart start{"nginx.conf", configuration, {}, ready(configuration)};
  std::string globals = "daemon off;";
  if (!says(configuration, "pid")) globals += fmt::format(" pid {}/nginx.pid;", folder);
  if (!says(configuration, "error_log")) globals += " error_log stderr;";
  start.arguments = {"nginx", "-p", folder, "-c", folder + "/nginx.conf", "-e", "stderr", "-g", globals};
  return start;
}

}  // namespace

DaemonKind nginx_kind() {
  return {"nginx",
          "nginx, and its configuration file.",
          "\"events {} http { server { listen 80; return 200 hello; } }\"",
          {{"nginx", "nginx-light"}},
          start};
}

}  // namespace topology
