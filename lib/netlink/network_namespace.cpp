#include "lib/netlink/network_namespace.h"

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <exception>

#include "lib/base/error.h"

namespace netlink {
namespace {

// Leads the thread back into the namespace it came from. Being left in the wrong one would corrupt everything that
// follows, so failing to return ends the program.
class Return {
 public:
  Return() : origin_(current_network_namespace()) {}
  ~Return() {
    if (::setns(origin_.get(), CLONE_NEWNET) < 0) std::terminate();
  }

 private:
  base::FileDescriptor origin_;
};

std::string sysctl_path(const std::string& name) {
  std::string path = "/proc/sys/" + name;
  for (size_t i = 10; i < path.size(); ++i) {
    if (path[i] == '.') {
      path[i] = '/';
    } else if (path[i] == '/') {
      path[i] = '.';
    }
  }
  return path;
}

}  // namespace

base::FileDescriptor current_network_namespace() {
  return base::open_file("/proc/thread-self/ns/net", O_RDONLY);
}

base::FileDescriptor create_network_namespace() {
  Return origin;
  base::check_system("create a network namespace", ::unshare(CLONE_NEWNET));
  return current_network_namespace();
}

void in_namespace(const base::FileDescriptor& network_namespace, const std::function<void()>& function) {
  Return origin;
  base::check_system("enter a network namespace", ::setns(network_namespace.get(), CLONE_NEWNET));
  function();
}

void write_sysctl(const std::string& name, const std::string& value) {
  base::in_context("sysctl " + name + "=" + value, [&] { base::write_file(sysctl_path(name), value); });
}

std::string read_sysctl(const std::string& name) {
  std::string value = base::read_file(sysctl_path(name));
  while (!value.empty() && value.back() == '\n') value.pop_back();
  return value;
}

bool has_sysctl(const std::string& name) {
  return ::access(sysctl_path(name).c_str(), F_OK) == 0;
}

}  // namespace netlink
