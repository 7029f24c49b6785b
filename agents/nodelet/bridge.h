// The bridge that the pods of this node are attached to.
#pragma once

#include <string>
#include <vector>

#include "agents/nodelet/pod_network.h"
#include "lib/netlink/socket.h"

namespace nodelet {

constexpr const char* bridge_name = "cni0";

// The bridge is made with its first pod, and stays. One from before the node was given another subnet would be no
// gateway to pods of the new one: it gets the address that it would be made with, and loses its others. Returns the
// addresses that it lost.
std::vector<std::string> align_bridge(netlink::Socket& socket, const PodNetwork& network);

}  // namespace nodelet
