// What faults do to a lab, and how that is undone: one file each.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "labctl/topology/scenario.h"
#include "lib/netlink/link.h"
#include "lib/netlink/socket.h"

namespace supervisor {

class Lab;
class Node;

class Effect {
 public:
  virtual ~Effect() = default;
  // Brings back exactly what was before. DONE is told why it could not be.
  using Done = std::function<void(const std::string& failure)>;
  virtual void heal(Done done) = 0;
  // Whether it has ended without being healed: what was killed runs again, the node was built anew.
  virtual bool over() = 0;
  virtual void node_rebuilt(const std::string&) {}
};

// Each throws base::Error where it cannot be, with nothing changed. LAB must outlive what they return.

// Nothing where what was killed comes back by itself: a pod, by its node.
std::unique_ptr<Effect> kill(Lab& lab, const topology::Target& target);
std::unique_ptr<Effect> pause(Lab& lab, const topology::Target& target);
// A cable is taken down at its other end, so that the node loses its carrier and nothing else; any other link in the
// node. SWITCH is a socket in the lab's own namespace.
std::unique_ptr<Effect> take_down(Lab& lab, netlink::Socket& switch_socket, const std::string& link);
std::unique_ptr<Effect> impair(Lab& lab, const topology::Impair& impair);
std::unique_ptr<Effect> part(Lab& lab, netlink::Socket& switch_socket, const topology::Partition& partition);

// A link, as NODE:LINK: where it is, and what the kernel says of it. Throws where there is none.
std::pair<std::shared_ptr<Node>, netlink::LinkInfo> find_link(Lab& lab, const std::string& link);

}  // namespace supervisor
