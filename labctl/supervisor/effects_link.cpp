#include <fmt/format.h>

#include "labctl/supervisor/effects.h"
#include "labctl/supervisor/lab.h"
#include "labctl/topology/injection.h"
#include "lib/base/error.h"
#include "lib/netlink/link.h"
#include "lib/netlink/link_configuration.h"

namespace supervisor {
namespace {

// The other end of a cable: NODE has lost its carrier, and keeps addresses and routes.
class PulledCable : public Effect {
 public:
  PulledCable(std::shared_ptr<Node> node, netlink::Socket& socket, std::string end)
      : node_(std::move(node)), socket_(socket), end_(std::move(end)) {
    netlink::set_link_up(socket_, end_, false);
  }
  void heal(Done done) override {
    netlink::set_link_up(socket_, end_);
    done("");
  }
  bool over() override { return node_->killed() || !netlink::find_link(socket_, end_); }

 private:
  std::shared_ptr<Node> node_;
  netlink::Socket& socket_;
  std::string end_;
};

class LinkDown : public Effect {
 public:
  LinkDown(std::shared_ptr<Node> node, std::string link)
      : node_(std::move(node)),
        link_(std::move(link)),
        configuration_(netlink::LinkConfiguration::of(node_->socket(), link_)) {
    netlink::set_link_up(node_->socket(), link_, false);
  }
  void heal(Done done) override {
    netlink::set_link_up(node_->socket(), link_);
    configuration_.restore(node_->socket());
    done("");
  }
  bool over() override { return node_->killed() || !netlink::find_link(node_->socket(), link_); }

 private:
  std::shared_ptr<Node> node_;
  std::string link_;
  netlink::LinkConfiguration configuration_;
};

std::string known_links(netlink::Socket& socket) {
  std::vector<std::string> names;
  for (const netlink::LinkInfo& link : netlink::list_links(socket)) {
    names.push_back(link.alternative_names.empty() ? link.name : link.alternative_names.front());
  }
  return fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace

std::pair<std::shared_ptr<Node>, netlink::LinkInfo> find_link(Lab& lab, const std::string& link) {
  auto [place, name] = topology::split_link(link);
  std::shared_ptr<Node> node = lab.find_node(place);
  if (name.empty() || !node) throw base::Error(fmt::format("no link \"{}\" in this lab, write NODE:LINK", link));
  if (node->killed()) throw base::Error(fmt::format("link {}: its node is killed", link));
  std::optional<netlink::LinkInfo> found = netlink::find_link(node->socket(), name);
  if (!found) {
    throw base::Error(fmt::format("{} has no link \"{}\"; known: {}", place, name, known_links(node->socket())));
  }
  return {node, *found};
}

std::unique_ptr<Effect> take_down(Lab& lab, netlink::Socket& switch_socket, const std::string& link) {
  auto [node, found] = find_link(lab, link);
  if (!found.up) throw base::Error(fmt::format("link {} is down already", link));
  for (const plan::CreateCable& cable : lab.cables_of(node->name())) {
    if (cable.name.name == found.name) {
      return std::make_unique<PulledCable>(node, switch_socket, cable.switch_end.name);
    }
  }
  Pod* pod = lab.find_pod(node->name());
  if (pod != nullptr && !pod->host_network && found.name == "eth0") {
    return std::make_unique<PulledCable>(node, lab.find_node(pod->host)->socket(), Pods::host_end(pod->name));
  }
  return std::make_unique<LinkDown>(node, found.name);
}

}  // namespace supervisor
