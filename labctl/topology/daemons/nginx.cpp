#include <fmt/format.h>
#include <re2/re2.h>

#include "labctl/topology/daemons/kind.h"

namespace topology {
namespace {

// nginx refuses some directives that are given twice; what the file says itself is left to it.
bool says(const std::string& configuration, const std::string& directive) {
  return RE2::PartialMatch(configuration, "(?m)^[^#\n]*\\b" + directive + "\\s");
}

// That of its first "listen"; 80, nginx's own, where there is none.
std::uint16_t port_of(const std::string& configuration) {
  unsigned port = 80;
  RE2::PartialMatch(configuration, R"((?m)^[^#\n]*\blisten\s+(?:[^\s;]*:)?(\d+)[\s;])", &port);
  return static_cast<std::uint16_t>(port);
}

DaemonStart start(const std::string& configuration, const std::string& folder) {
  DaemonStart start{"nginx.conf", configuration, {}, {Ready::Tcp{port_of(configuration)}, Duration(20000)}};
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
