// What a topology may need of a kernel, by name, and what each needs in turn: the one table of it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace kernel {

// A need is an interface that must work for this user ("ipvs-netlink"), not a module. The names:
//   veth bridge bridge-netfilter bridge-vlan dummy vlan macvlan vxlan ipip gre geneve vrf ipv6 tun-open
//   ipvs-netlink ipset iptables ip6tables conntrack-netlink rule-trace netem tbf htb nftables wireguard kernel-sysctl
//   users
struct Need {
  std::string name;
  // What it is for, for people: "IP virtual server, by generic netlink".
  std::string what;
  // Modules that a modular kernel must have loaded for it, without their dependencies. Names with '_'.
  std::vector<std::string> modules;
  // What makes a host's kernel serve it, for people; empty where nothing a user installs does.
  std::string host_mend;
  // The program that agents use it by, and the Debian package that has it; empty where none is needed.
  std::string program;
  std::string package;
  // Set where no embedded kernel serves it, to the reason.
  std::string not_in_uml;
};

const std::vector<Need>& known_needs();
// nullptr where there is no need of that name.
const Need* find_need(std::string_view name);

// Whether a need works with one kernel.
struct NeedStatus {
  std::string need;
  bool works = false;
  // Why not, in the kernel's words; empty where it works.
  std::string why;
  // What to install or to set so that it works; empty where nothing is known to help.
  std::string mend;
};

}  // namespace kernel
