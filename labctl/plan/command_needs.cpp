#include "labctl/plan/command_needs.h"

#include <algorithm>
#include <map>
#include <set>

namespace plan {
namespace {

std::vector<std::string> words_of(const std::string& command) {
  std::vector<std::string> words;
  std::string word;
  for (char character : command + " ") {
    if (std::string(" \t\n;|&()<>'\"`$=,").find(character) == std::string::npos) {
      word += character;
    } else if (!word.empty()) {
      words.push_back(std::move(word));
      word.clear();
    }
  }
  return words;
}

// A program by its name, wherever it stands: in a shell's line anything may be before it.
std::string need_of_program(const std::string& word) {
  static const std::map<std::string, std::string> programs{{"iptables", "iptables"},
                                                           {"iptables-save", "iptables"},
                                                           {"iptables-restore", "iptables"},
                                                           {"ip6tables", "ip6tables"},
                                                           {"ip6tables-save", "ip6tables"},
                                                           {"ip6tables-restore", "ip6tables"},
                                                           {"ipset", "ipset"},
                                                           {"ipvsadm", "ipvs-netlink"},
                                                           {"ipvsadm-save", "ipvs-netlink"},
                                                           {"ipvsadm-restore", "ipvs-netlink"},
                                                           {"keepalived", "ipvs-netlink"},
                                                           {"conntrack", "conntrack-netlink"},
                                                           {"nft", "nftables"},
                                                           {"tuntap", "tun-open"}};
  auto found = programs.find(word.substr(word.rfind('/') + 1));
  return found == programs.end() ? "" : found->second;
}

// "ip link add d0 type dummy", "tc qdisc add dev lan root netem delay 5ms": the kind has the need's name.
std::string need_of_kind(const std::string& before, const std::string& word) {
  static const std::set<std::string> links{"bridge", "dummy",  "vlan", "macvlan", "vxlan",    "ipip",
                                           "gre",    "geneve", "veth", "vrf",     "wireguard"};
  static const std::set<std::string> queues{"netem", "tbf", "htb"};
  if (before == "type" && links.count(word) != 0) return word;
  return queues.count(word) != 0 ? word : "";
}

std::string need_of_sysctl(const std::string& word) {
  for (const char* folder : {"net.ipv4.vs.", "net/ipv4/vs/", "/proc/sys/net/ipv4/vs/"}) {
    if (word.rfind(folder, 0) == 0) return "ipvs-netlink";
  }
  return word.rfind("net.bridge.", 0) == 0 ? "bridge-netfilter" : "";
}

std::string need_of(const std::string& before, const std::string& word) {
  // "-m conntrack" is a match of iptables, and no program.
  bool match = before == "-m" || before == "--match";
  if (match) return word == "ipvs" ? "ipvs-netlink" : word == "set" ? "ipset" : "";
  if (before == "-j" || before == "--jump") return word == "SET" ? "ipset" : word == "TRACE" ? "rule-trace" : "";
  for (const std::string& need : {need_of_sysctl(word), need_of_kind(before, word), need_of_program(word)}) {
    if (!need.empty()) return need;
  }
  return "";
}

}  // namespace

std::vector<std::string> needs_of_command(const std::string& command) {
  std::vector<std::string> needs;
  std::string before;
  for (const std::string& word : words_of(command)) {
    std::string need = need_of(before, word);
    if (!need.empty() && std::find(needs.begin(), needs.end(), need) == needs.end()) needs.push_back(need);
    before = word;
  }
  return needs;
}

}  // namespace plan
