// Links (network devices): what is common to all kinds. The kinds are in links/, one file each.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/file_descriptor.h"
#include "lib/netlink/address.h"
#include "lib/netlink/message.h"
#include "lib/netlink/socket.h"

namespace netlink {

// An interface name holds 15 characters (IFNAMSIZ - 1).
constexpr size_t max_interface_name = 15;

// What any new link may be given. It is created where it belongs: a move costs an rcu_barrier(), ~16 ms.
struct NewLink {
  std::string name;
  std::string alternative_name;  // empty: none
  std::optional<MacAddress> mac;
  std::optional<std::uint32_t> mtu;     // bytes
  std::optional<std::uint32_t> master;  // index of the bridge
  bool up = false;
  bool no_arp = false;
};

struct LinkInfo {
  std::uint32_t index = 0;
  std::string name;
  std::vector<std::string> alternative_names;
  std::string kind;  // "veth", "bridge", …; empty for loopback and hardware
  MacAddress mac;
  std::uint32_t mtu = 0;
  std::uint32_t master = 0;  // 0: none
  bool up = false;
};

// RTM_NEWLINK that creates NEW; the caller adds IFLA_LINKINFO. Used by the kinds.
Message new_link_message(const NewLink& link);
// Sends it, and adds the alternative name. KIND is for the error's words.
void create_link(Socket& socket, const std::string& kind, const NewLink& link, const Message& message);
// Attributes of a peer or of a device that is placed elsewhere; no flags.
void put_link_attributes(Message& message, const NewLink& link);

std::optional<LinkInfo> find_link(Socket& socket, const std::string& name);
// Throws where there is none.
LinkInfo get_link(Socket& socket, const std::string& name);
std::vector<LinkInfo> list_links(Socket& socket);
// Of a message RTM_NEWLINK or RTM_DELLINK.
LinkInfo parse_link(nlmsghdr* header);

void set_link_up(Socket& socket, const std::string& name, bool up = true);
void set_link_mtu(Socket& socket, const std::string& name, std::uint32_t mtu);
void set_link_mac(Socket& socket, const std::string& name, const MacAddress& mac);
// LINK goes into another namespace, where it has its name, MAC and MTU as LINK says, whatever they were; it arrives
// down and without addresses. Its peer, where it is a veth, keeps everything.
void move_link(Socket& socket, const NewLink& link, const base::FileDescriptor& network_namespace);
// MASTER 0 takes it out of its bridge.
void set_link_master(Socket& socket, const std::string& name, std::uint32_t master);
// Finds a link by a name longer than an interface name can be.
void add_alternative_name(Socket& socket, const std::string& name, const std::string& alternative_name);
void delete_link(Socket& socket, const std::string& name);
// A hairpin port may send a frame back where it came from: a pod that reaches itself through a Service needs it.
void set_bridge_port_hairpin(Socket& socket, const std::string& name, bool on);
// Isolated ports of a bridge do not reach one another, only those that are not.
void set_bridge_port_isolated(Socket& socket, const std::string& name, bool on);

}  // namespace netlink
