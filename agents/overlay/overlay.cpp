#include "agents/overlay/overlay.h"

#include <linux/rtnetlink.h>

#include <algorithm>
#include <utility>

#include "lib/base/error.h"

namespace overlay {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

// Changes come in bursts: one look at the kernel for all of them.
constexpr milliseconds settling{20};
// As often as flannel looks after its rules; iptables tells nobody that they are gone.
constexpr milliseconds check_interval{5000};
constexpr milliseconds first_retry{200};

}  // namespace

Overlay::Overlay(boost::asio::io_context& loop, Options options, std::ostream& log)
    : loop_(loop),
      options_(std::move(options)),
      log_(log),
      client_(loop, options_.api, "overlay"),
      nodes_(client_),
      timer_(loop),
      rules_due_(Clock::now()),
      pause_(first_retry) {
  make_backend(options_.backend, socket_, loop_, {});  // refuses an unknown one before anything is done
}

void Overlay::start() {
  say("backend " + options_.backend + " on link " + options_.interface + ", pods in " + options_.network.to_string());
  say("waiting for node " + options_.node + " in the API at " + options_.api);
  changes_.emplace(loop_,
                   std::initializer_list<int>{RTNLGRP_LINK, RTNLGRP_NEIGH, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV4_IFADDR},
                   [this](nlmsghdr* change) {
                     if (backend_ && (change == nullptr || backend_->is_concerned(change))) schedule(settling);
                   });
  kube::TypedInformer<kube::Node>::Callbacks callbacks;
  callbacks.on_synced = [this] { schedule(milliseconds(0)); };
  callbacks.on_upsert = [this](const kube::Node&, const kube::Node*) { schedule(settling); };
  callbacks.on_delete = [this](const kube::Node&) { schedule(settling); };
  callbacks.on_connection = [this](const std::string& reason) {
    say(reason.empty() ? "connected to the API" : "lost the API, and go on with what is known: " + reason);
  };
  nodes_.start(std::move(callbacks));
}

// One timer for all reasons; the nearest counts.
void Overlay::schedule(milliseconds delay) {
  if (timer_.expiry() > Clock::now() && timer_.expiry() <= Clock::now() + delay) return;
  timer_.expires_after(delay);
  timer_.async_wait([this](const boost::system::error_code& cancelled) {
    if (!cancelled) run_again();
  });
}

void Overlay::run_again() {
  if (!nodes_.synced()) return;
  bool complete = false;
  try {
    complete = reconcile();
  } catch (const base::Error& error) {
    say_once(error.what());
  }
  if (complete) last_complaint_.clear();
  schedule(complete ? check_interval : pause_);
  pause_ = complete ? first_retry : std::min(pause_ * 2, check_interval);
}

bool Overlay::reconcile() {
  const kube::Node* node = nodes_.find(options_.node);
  if (node == nullptr) {
    say_once("waiting: there is no node " + options_.node + " yet (its kubelet registers it)");
    return false;
  }
  std::optional<Self> self = self_of(*node);
  return self && program(*node, *self);
}

std::optional<Self> Overlay::self_of(const kube::Node& node) {
  if (node.pod_cidr.empty()) {
    say_once("waiting: node " + options_.node + " has no podCIDR yet (the controller assigns it)");
    return std::nullopt;
  }
  std::optional<netlink::Prefix> subnet = netlink::Prefix::parse(node.pod_cidr);
  if (!subnet || !options_.network.contains(subnet->address) || subnet->length < options_.network.length) {
    throw base::Error("the podCIDR " + node.pod_cidr + " of node " + options_.node + " is not part of the network " +
                      options_.network.to_string())
        .with_mend("give the controller the same --cluster-cidr");
  }
  ExternalInterface interface = ExternalInterface::read(socket_, options_.interface);
  netlink::IpAddress public_ip = interface.address();
  if (options_.public_ip) public_ip = *options_.public_ip;
  if (auto overwrite = public_ip_overwrite(node)) public_ip = *overwrite;
  return Self{std::move(interface), options_.network.network(), subnet->network(), public_ip};
}

std::vector<Lease> Overlay::peers_of(const Self& self, std::vector<std::string>& failures) const {
  std::vector<Lease> peers;
  for (const auto& [name, node] : nodes_.store()) {
    if (name == options_.node) continue;
    std::optional<Lease> lease = lease_of(node);
    if (!lease) continue;
    if (lease->subnet.overlaps(self.subnet)) {
      failures.push_back("the pods of node " + name + " are not reached: its subnet " + lease->subnet.to_string() +
                         " is also this node's");
    } else {
      peers.push_back(std::move(*lease));
    }
  }
  return peers;
}

bool Overlay::program(const kube::Node& node, const Self& self) {
  if (!backend_) {
    BackendOptions options{options_.node, announced_backend_data(node), options_.vni, options_.vxlan_port};
    backend_ = make_backend(options_.backend, socket_, loop_, options);
  }
  std::vector<std::string> failures;
  std::vector<Lease> peers = peers_of(self, failures);
  Report report = backend_->program(self, peers);
  for (const std::string& line : report.changes) say(line);
  ensure_rules(self);
  SubnetFile file{self.network, self.subnet, backend_->mtu(self.interface), options_.ip_masquerade};
  if (write_subnet_file(options_.subnet_file, file)) {
    say("wrote " + options_.subnet_file + ": subnet " + self.subnet.to_string() + ", MTU " + std::to_string(file.mtu));
  }
  announce(node, {options_.node, self.subnet, self.public_ip, backend_->type(), backend_->data()});
  failures.insert(failures.end(), report.failures.begin(), report.failures.end());
  std::string complaint;
  for (const std::string& line : failures) complaint += (complaint.empty() ? "" : "\n") + line;
  if (!complaint.empty()) say_once(complaint);
  return failures.empty();
}

void Overlay::ensure_rules(const Self& self) {
  if (Clock::now() < rules_due_) return;
  std::vector<RuleSet> sets;
  if (options_.ip_masquerade) sets.push_back(masquerade_rules(self.network, self.subnet));
  if (options_.forward_rules) sets.push_back(forward_rules(self.network));
  for (const std::string& chain : rules_.ensure(sets)) say("wrote the iptables chain " + chain);
  rules_due_ = Clock::now() + check_interval - settling;
}

void Overlay::announce(const kube::Node& node, const Lease& own) {
  if (announcing_ || is_announced(node, own)) return;
  announcing_ = true;
  client_.patch(
      kube::resources::nodes, {}, options_.node, kube::PatchType::strategic_merge, announcement(own),
      [this](kube::Reply reply) {
        announcing_ = false;
        if (!reply.ok()) {
          say_once("announce this node: " + reply.error);
          return schedule(first_retry);
        }
        if (!std::exchange(announced_, true)) say("announced this node: the network is up");
      },
      "status");
}

void Overlay::say(const std::string& line) {
  log_ << "overlay: " << line << std::endl;
}

void Overlay::say_once(const std::string& line) {
  if (line == last_complaint_) return;
  last_complaint_ = line;
  say(line);
}

}  // namespace overlay
