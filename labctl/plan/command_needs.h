// What a command line needs of the kernel, as far as it can be told by the words in it.
#pragma once

#include <string>
#include <vector>

namespace plan {

// "iptables -t nat -A POSTROUTING -m ipvs …" needs iptables and ipvs-netlink. Each once, in the order of the words.
std::vector<std::string> needs_of_command(const std::string& command);

}  // namespace plan
