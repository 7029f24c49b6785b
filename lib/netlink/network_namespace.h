// Network namespaces, held by descriptor: nothing of them stands in a file system, so nothing is left of them.
#pragma once

#include <functional>
#include <string>

#include "lib/base/file_descriptor.h"

namespace netlink {

// A new, empty network namespace (its loopback is down). It lives as long as a descriptor of it, a process or a socket.
base::FileDescriptor create_network_namespace();

// The one that the calling thread is in.
base::FileDescriptor current_network_namespace();

// Runs FUNCTION with the calling thread inside the namespace, for what must be *in* it: files below /proc/sys/net, new
// sockets. Comes back whatever FUNCTION throws. Netlink sockets stay where they were opened.
void in_namespace(const base::FileDescriptor& network_namespace, const std::function<void()>& function);

// Writes /proc/sys/…; NAME with dots as sysctl(8) has it ("net.ipv4.ip_forward"), where a "/" stands for a dot inside a
// component ("net.ipv4.conf.eth0/100.rp_filter"). To be called inside the namespace.
void write_sysctl(const std::string& name, const std::string& value);
std::string read_sysctl(const std::string& name);
bool has_sysctl(const std::string& name);

}  // namespace netlink
