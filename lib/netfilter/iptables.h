// iptables rules as text, given to iptables-restore: libiptc is discouraged and knows only the older of the two kernel
// interfaces. Everything acts in the network namespace of the calling process.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace netfilter {

// A part of a table as iptables-restore reads it: chains that are created or emptied, and the lines that follow.
class IptablesTable {
 public:
  explicit IptablesTable(std::string name) : name_(std::move(name)) {}

  // Declares CHAIN: created where it is missing; one of the user's own is emptied first.
  void chain(const std::string& chain);
  // "-A CHAIN RULE"; RULE holds matches and target: "-m comment --comment \"…\" -j ACCEPT".
  void append(const std::string& chain, const std::string& rule);
  // "-I CHAIN RULE": in front.
  void prepend(const std::string& chain, const std::string& rule);
  void remove(const std::string& chain, const std::string& rule);
  void delete_chain(const std::string& chain);
  bool empty() const { return chains_.empty() && lines_.empty(); }

  // "*nat\n:KUBE-SERVICES - [0:0]\n-A …\nCOMMIT\n"
  std::string text() const;

 private:
  std::string name_;
  std::vector<std::string> chains_;
  std::vector<std::string> lines_;
};

// For --comment, as iptables-save prints it: quotes and backslashes escaped, cut at 255 characters (XT_MAX_COMMENT_LEN
// - 1).
std::string quote_comment(const std::string& comment);

// The rules of one table as iptables-save prints them, by chain in order: "-s 127.0.0.0/8 -j RETURN" without "-A
// CHAIN".
using IptablesRules = std::map<std::string, std::vector<std::string>>;
IptablesRules parse_save(std::string_view text);
// The same for a text of several tables, by table.
std::map<std::string, IptablesRules> parse_save_tables(std::string_view text);

class Iptables {
 public:
  enum class Family { ipv4, ipv6 };
  enum class Variant { nft, legacy };

  // The variant that the kernel serves, found by doing: PROBE_RULES ("-m addrtype --dst-type LOCAL -j RETURN") are
  // added to a chain of the nat table that is removed again. Where both work: the one that already holds chains whose
  // name begins with CHAIN_PREFIX, else nft. Throws with what both variants said where none works.
  // Where the kernel has no nf_tables there is no choice, and nothing is tried.
  static Iptables choose(Family family = Family::ipv4, const std::vector<std::string>& probe_rules = {},
                         const std::string& chain_prefix = {});
  Iptables(Family family, Variant variant) : family_(family), variant_(variant) {}

  Variant variant() const { return variant_; }
  // "iptables-legacy", "ip6tables-nft"; with "-restore" and "-save" for those programs.
  std::string program(const std::string& suffix = {}) const;

  // Applies TEXT (one or more IptablesTable::text()) at once and completely, or not at all; what it does not name
  // stays. Waits for the lock in /run/xtables.lock.
  void restore(const std::string& text) const;
  std::string save(const std::string& table) const;
  IptablesRules rules(const std::string& table) const { return parse_save(save(table)); }
  // Every table that is in use, by one run of the program.
  std::map<std::string, IptablesRules> tables() const;

  // A number that changes when somebody changes one of TABLES (nft: any table), and is not changed by traffic. A few
  // system calls; no program is run. Nothing where the kernel does not tell.
  std::optional<std::uint64_t> fingerprint(const std::vector<std::string>& tables) const;

  // Where it has not, the legacy variant is the only one.
  static bool kernel_has_nf_tables();

 private:
  Family family_;
  Variant variant_;
};

}  // namespace netfilter
