#include <fmt/format.h>

#include "labctl/supervisor/effects.h"
#include "labctl/supervisor/lab.h"
#include "labctl/topology/injection.h"
#include "lib/base/error.h"
#include "lib/netlink/link.h"
#include "lib/netlink/qdisc.h"

namespace supervisor {
namespace {

class Impaired : public Effect {
 public:
  Impaired(std::shared_ptr<Node> node, std::string link, const netlink::Impairment& impairment)
      : node_(std::move(node)),
        link_(std::move(link)),
        before_(netlink::find_impairment(node_->socket(), link_).value_or(netlink::Impairment())) {
    netlink::set_impairment(node_->socket(), link_, impairment);
  }
  void heal(Done done) override {
    netlink::set_impairment(node_->socket(), link_, before_);
    done("");
  }
  bool over() override { return node_->killed() || !netlink::find_link(node_->socket(), link_); }

 private:
  std::shared_ptr<Node> node_;
  std::string link_;
  netlink::Impairment before_;
};

}  // namespace

std::unique_ptr<Effect> impair(Lab& lab, const topology::Impair& impair) {
  auto [node, link] = find_link(lab, impair.link.value);
  return base::in_context("link " + impair.link.value, [&, its = node, name = link.name] {
    return std::make_unique<Impaired>(its, name, impair.impairment);
  });
}

}  // namespace supervisor
