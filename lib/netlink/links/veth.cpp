#include "lib/netlink/links/veth.h"

#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>

namespace netlink {
namespace {

// One queue each way halves the cost of a pair; by default there is one a CPU.
void put_single_queue(Message& message) {
  message.put(IFLA_NUM_TX_QUEUES, std::uint32_t{1}).put(IFLA_NUM_RX_QUEUES, std::uint32_t{1});
}

}  // namespace

void create_veth(Socket& socket, const NewLink& near, const NewLink& far, const base::FileDescriptor& far_namespace) {
  Message message = new_link_message(near);
  put_single_queue(message);
  {
    auto info = message.nest(IFLA_LINKINFO);
    message.put(IFLA_INFO_KIND, std::string("veth"));
    auto data = message.nest(IFLA_INFO_DATA);
    auto peer = message.nest(VETH_INFO_PEER);
    ifinfomsg header{};
    message.append(&header, sizeof header);
    put_link_attributes(message, far);
    put_single_queue(message);
    message.put(IFLA_NET_NS_FD, static_cast<std::uint32_t>(far_namespace.get()));
  }
  socket.request("create veth pair " + near.name + " - " + far.name, message);
  if (!near.alternative_name.empty()) add_alternative_name(socket, near.name, near.alternative_name);
}

}  // namespace netlink
