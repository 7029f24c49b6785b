#include "lib/netlink/tables_read.h"

#include "lib/netlink/link.h"

namespace netlink::tables {

std::string Attributes::link_address(int attribute) const {
  nlattr* found = find(attribute);
  if (found == nullptr) return {};
  if (std::optional<IpAddress> tunnel_end = address(attribute)) return tunnel_end->to_string();
  if (nla_len(found) != 6) return {};
  std::array<std::uint8_t, 6> bytes;
  std::memcpy(bytes.data(), nla_data(found), bytes.size());
  return MacAddress(bytes).to_string();
}

std::string name_of(const Names& names, unsigned value) {
  for (const auto& [number, name] : names) {
    if (number == value) return name;
  }
  return std::to_string(value);
}

std::vector<std::string> names_of_bits(const Names& names, unsigned value) {
  std::vector<std::string> found;
  for (const auto& [bit, name] : names) {
    if ((value & bit) != 0) found.emplace_back(name);
  }
  return found;
}

// As /etc/iproute2/rt_tables has them.
std::string table_name(std::uint32_t table) {
  return name_of({{RT_TABLE_MAIN, "main"}, {RT_TABLE_LOCAL, "local"}, {RT_TABLE_DEFAULT, "default"}}, table);
}

LinkNames link_names(Socket& socket) {
  LinkNames names;
  for (const LinkInfo& link : list_links(socket)) {
    names[link.index] = link.alternative_names.empty() ? link.name : link.alternative_names.front();
  }
  return names;
}

std::string link_name(const LinkNames& names, std::uint32_t index) {
  if (index == 0) return {};
  auto found = names.find(index);
  return found == names.end() ? "if" + std::to_string(index) : found->second;
}

}  // namespace netlink::tables
