// Neighbours, and what bridges and VXLAN devices forward by.
#include <linux/neighbour.h>

#include "lib/netlink/tables_read.h"

namespace netlink {
namespace {

using namespace tables;

const Names states{{NUD_INCOMPLETE, "INCOMPLETE"}, {NUD_REACHABLE, "REACHABLE"}, {NUD_STALE, "STALE"},
                   {NUD_DELAY, "DELAY"},           {NUD_PROBE, "PROBE"},         {NUD_FAILED, "FAILED"},
                   {NUD_NOARP, "NOARP"},           {NUD_PERMANENT, "PERMANENT"}, {NUD_NONE, "NONE"}};

void each_neighbour(Socket& socket, int family, const std::function<void(ndmsg*, const Attributes&)>& each) {
  ndmsg header{};
  header.ndm_family = static_cast<std::uint8_t>(family);
  Message request(RTM_GETNEIGH, 0, header);
  socket.dump("list neighbours", request, [&](nlmsghdr* message) {
    auto* found = static_cast<ndmsg*>(nlmsg_data(message));
    each(found, Attributes(message, sizeof *found));
  });
}

// VXLAN entries of a device with a fixed identifier have none of their own.
ForwardingRow forwarding_row(const ndmsg& header, const Attributes& attributes, const LinkNames& names) {
  ForwardingRow row;
  row.mac = attributes.link_address(NDA_LLADDR);
  row.link = link_name(names, static_cast<std::uint32_t>(header.ndm_ifindex));
  row.master = link_name(names, attributes.number<std::uint32_t>(NDA_MASTER).value_or(0));
  row.destination = attributes.address(NDA_DST);
  row.vlan = attributes.number<std::uint16_t>(NDA_VLAN);
  row.vni = attributes.number<std::uint32_t>(NDA_VNI);
  row.state = name_of(states, header.ndm_state);
  // A bridge's own and its ports' addresses are permanent and not `self` (net/bridge/br_fdb.c, fdb_to_nud).
  row.local = (header.ndm_state & NUD_PERMANENT) != 0 && (header.ndm_flags & NTF_SELF) == 0;
  row.learned = (header.ndm_state & (NUD_PERMANENT | NUD_NOARP)) == 0;
  return row;
}

}  // namespace

std::vector<NeighbourRow> read_neighbours(Socket& socket) {
  LinkNames names = link_names(socket);
  std::vector<NeighbourRow> rows;
  for (int family : {AF_INET, AF_INET6}) {
    each_neighbour(socket, family, [&](ndmsg* header, const Attributes& attributes) {
      std::optional<IpAddress> address = attributes.address(NDA_DST);
      // Multicast and the like need nobody to ask (NUD_NOARP).
      if (!address || (header->ndm_state & NUD_NOARP) != 0) return;
      NeighbourRow row;
      row.address = *address;
      row.link = link_name(names, static_cast<std::uint32_t>(header->ndm_ifindex));
      row.mac = attributes.link_address(NDA_LLADDR);
      row.state = name_of(states, header->ndm_state);
      row.router = (header->ndm_flags & NTF_ROUTER) != 0;
      row.proxy = (header->ndm_flags & NTF_PROXY) != 0;
      rows.push_back(std::move(row));
    });
  }
  return rows;
}

std::vector<ForwardingRow> read_forwarding(Socket& socket) {
  LinkNames names = link_names(socket);
  std::vector<ForwardingRow> rows;
  each_neighbour(socket, AF_BRIDGE, [&](ndmsg* header, const Attributes& attributes) {
    // What a device only filters incoming multicast by is `self` and has no other end.
    bool filter = (header->ndm_flags & NTF_SELF) != 0 && !attributes.has(NDA_DST) && !attributes.has(NDA_MASTER);
    if (attributes.has(NDA_LLADDR) && !filter) rows.push_back(forwarding_row(*header, attributes, names));
  });
  return rows;
}

}  // namespace netlink
