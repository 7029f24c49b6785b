// What the readers of tables.h share.
#pragma once

#include <linux/rtnetlink.h>
#include <netlink/attr.h>

#include <cstring>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "lib/netlink/message.h"
#include "lib/netlink/tables.h"

namespace netlink::tables {

// A message's attributes by their number.
class Attributes {
 public:
  explicit Attributes(nlattr* nested) { add(static_cast<nlattr*>(nla_data(nested)), nla_len(nested)); }
  Attributes(nlmsghdr* message, std::size_t header) {
    int size = static_cast<int>(header);
    add(nlmsg_attrdata(message, size), nlmsg_attrlen(message, size));
  }

  nlattr* find(int number) const {
    auto found = by_number_.find(number);
    return found == by_number_.end() ? nullptr : found->second;
  }
  bool has(int number) const { return find(number) != nullptr; }
  template <class Number>
  std::optional<Number> number(int attribute) const {
    nlattr* found = find(attribute);
    if (found == nullptr || nla_len(found) < static_cast<int>(sizeof(Number))) return std::nullopt;
    Number value;
    std::memcpy(&value, nla_data(found), sizeof value);
    return value;
  }
  std::string text(int attribute) const {
    nlattr* found = find(attribute);
    return found == nullptr ? "" : std::string(nla_get_string(found));
  }
  std::optional<IpAddress> address(int attribute) const {
    nlattr* found = find(attribute);
    if (found == nullptr || (nla_len(found) != 4 && nla_len(found) != 16)) return std::nullopt;
    return IpAddress(nla_len(found) == 16 ? AF_INET6 : AF_INET, nla_data(found));
  }
  // A link-layer address; of a tunnel it is an IP address.
  std::string link_address(int attribute) const;

 private:
  void add(nlattr* first, int size) {
    int remaining;
    nlattr* attribute;
    nla_for_each_attr(attribute, first, size, remaining) by_number_[nla_type(attribute)] = attribute;
  }
  std::map<int, nlattr*> by_number_;
};

using Names = std::vector<std::pair<unsigned, const char*>>;
// The name of VALUE, or its number.
std::string name_of(const Names& names, unsigned value);
// The names of the bits in VALUE.
std::vector<std::string> names_of_bits(const Names& names, unsigned value);
std::string table_name(std::uint32_t table);

// Names of links by index.
using LinkNames = std::map<std::uint32_t, std::string>;
LinkNames link_names(Socket& socket);
// "if7" for one that is not in this namespace; empty for 0.
std::string link_name(const LinkNames& names, std::uint32_t index);

}  // namespace netlink::tables
