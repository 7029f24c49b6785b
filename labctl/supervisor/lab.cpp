#include "labctl/supervisor/lab.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/json.hpp>
#include <chrono>

#include "labctl/kernel/bundle.h"
#include "labctl/kernel/mounts.h"
#include "labctl/plan/identity.h"
#include "labctl/supervisor/faults.h"
#include "labctl/supervisor/node_api.h"
#include "labctl/supervisor/reconfiguration.h"
#include "labctl/supervisor/rulesets.h"
#include "labctl/supervisor/source.h"
#include "lib/base/error.h"
#include "lib/netlink/link.h"
#include "lib/netlink/route.h"

namespace supervisor {
namespace {

using Clock = std::chrono::steady_clock;

// How long the loop is kept from answering calls while the lab is built.
constexpr std::chrono::milliseconds longest_piece{10};

Names names_of(const plan::Plan& plan, const boost::json::object& bundle) {
  Names names;
  names.lab = plan.lab;
  for (const kernel::Mount& mount : kernel::bundle_mounts(bundle)) names.mounts.push_back(mount.target);
  names.hosts = hosts_of(plan);
  // Without it, resolvers would wait for the host's servers, which a lab cannot reach; so they are refused at once.
  names.resolv_conf = "# This lab has no name server; /etc/hosts knows its nodes.\n";
  return names;
}

std::string node_socket(const std::string& node) {
  return std::string(kernel::kLabDirectory) + "/nodes/" + node;
}

std::vector<std::string> addresses_of(const std::vector<netlink::AddressInfo>& addresses, std::uint32_t link) {
  std::vector<std::string> texts;
  for (const netlink::AddressInfo& it : addresses) {
    if (it.link == link) texts.push_back(it.address.to_string());
  }
  return texts;
}

std::string failure_of(const std::function<void()>& function) {
  try {
    function();
    return "";
  } catch (const std::exception& error) {
    return error.what();
  }
}

// A route whose device is not given may lead by any.
bool is_on_link(const plan::Operation& operation, const std::string& link) {
  if (const auto* it = std::get_if<plan::AddAddress>(&operation)) return it->link == link;
  if (const auto* it = std::get_if<plan::SetImpairment>(&operation)) return it->link == link;
  if (const auto* it = std::get_if<plan::SetUp>(&operation)) return it->link == link;
  const auto* route = std::get_if<plan::AddRoute>(&operation);
  return route != nullptr && (route->device == link || route->device.empty());
}

std::vector<plan::CreateCable> cables_in(const plan::Plan& plan, const std::string& node) {
  std::vector<plan::CreateCable> cables;
  for (const plan::Operation& operation : plan.operations) {
    const auto* cable = std::get_if<plan::CreateCable>(&operation);
    if (cable != nullptr && cable->node == node) cables.push_back(*cable);
  }
  return cables;
}

}  // namespace

Hosts hosts_of(const plan::Plan& plan) {
  Hosts hosts;
  for (const auto& [address, name] : plan.hosts) hosts.emplace_back(address.to_string(), name);
  return hosts;
}

Lab::Lab(boost::asio::io_context& loop, boost::json::object bundle)
    : loop_(loop),
      bundle_(std::move(bundle)),
      topology_(read_topology(bundle_)),
      plan_(plan::make_plan(topology_, kernel::bundle_name(bundle_))),
      manifests_(plan::manifest_objects(topology_, files_of(bundle_))),
      reaper_(loop),
      applier_(nodes_, reaper_, names_of(plan_, bundle_)),
      processes_(loop, reaper_, events_, nodes_),
      pods_(loop, reaper_, events_, nodes_, names_of(plan_, bundle_)),
      faults_(std::make_unique<Faults>(*this)),
      time_to_live_(loop),
      started_(timestamp()),
      phase_start_(Clock::now()) {}

Lab::~Lab() = default;

// ---- from the plan to a running lab

void Lab::start(Callbacks callbacks) {
  callbacks_ = std::move(callbacks);
  events_.add("", "lab", fmt::format("{} starts on {}", plan_.lab, kernel::bundle_provider(bundle_)));
  kernel::make_directories(node_socket(""));
  if (!plan_.control_plane.empty()) write_list(plan::manifests_file, manifests_);
  start_time_to_live();
  auto operations = std::make_shared<const std::vector<plan::Operation>>(plan_.operations);
  apply_all(std::move(operations), 0, [this](const std::string& failure) {
    if (!failure.empty()) return fail(failure);
    built();
  });
}

void Lab::apply_all(Operations operations, size_t next, Done done) {
  try {
    Clock::time_point until = Clock::now() + longest_piece;
    for (; next < operations->size() && Clock::now() < until; ++next) {
      const auto* ruleset = std::get_if<plan::LoadRuleset>(&(*operations)[next]);
      if (ruleset == nullptr) {
        make((*operations)[next], plan_);
        continue;
      }
      return load_ruleset(loop_, reaper_, *nodes_.at(ruleset->node), *ruleset,
                          [this, operations, next, done](const std::string& failure) {
                            if (!failure.empty()) return done(failure);
                            apply_all(operations, next + 1, done);
                          });
    }
  } catch (const std::exception& error) {
    return done(error.what());
  }
  if (next == operations->size()) return done("");
  boost::asio::post(loop_, [this, operations, next, done] { apply_all(operations, next, done); });
}

void Lab::make(const plan::Operation& operation, const plan::Plan& plan) {
  applier_.apply(operation);
  const auto* cable = std::get_if<plan::CreateCable>(&operation);
  if (cable != nullptr && nodes_.at(cable->node)->killed()) applier_.disconnect(*cable);
  const auto* created = std::get_if<plan::CreateNode>(&operation);
  if (created == nullptr || plan.control_plane.empty()) return;
  bool in_cluster = std::any_of(plan.processes.begin(), plan.processes.end(), [&](const plan::Process& process) {
    return process.name == "nodelet" && process.node == created->node;
  });
  if (in_cluster) serve_node(created->node);
}

void Lab::serve_node(const std::string& node) {
  node_apis_.erase(node);
  node_apis_[node] = std::make_unique<NodeApi>(*this, node, node_socket(node));
  nodes_.at(node)->share(node_socket(node), "node.sock");
  if (node != plan_.control_plane) return;
  nodes_.at(node)->share(plan::manifests_file, "manifests.json");
  kernel::make_directories(plan::disk_folder);
  nodes_.at(node)->share(plan::disk_folder, "disk");
}

void Lab::built() {
  size_t count = std::count_if(nodes_.begin(), nodes_.end(), [](const auto&) { return true; });
  finish_phase("network", fmt::format("{} nodes", count));
  for (const plan::Process& process : plan_.processes) processes_.add(process);
  processes_.start(
      [this] {
        finish_phase("processes", fmt::format("{} processes", plan_.processes.size()));
        state_ = State::ready;
        events_.add("", "lab", "ready");
        callbacks_.ready();
      },
      [this](const std::string& why) { fail(why); });
}

void Lab::finish_phase(const std::string& phase, const std::string& message) {
  Clock::time_point now = Clock::now();
  double passed = std::chrono::duration<double, std::milli>(now - phase_start_).count();
  phase_start_ = now;
  timings_.push_back(boost::json::object{{"phase", phase}, {"ms", passed}});
  callbacks_.progress(phase, message, passed);
}

void Lab::fail(const std::string& why) {
  state_ = State::failed;
  why_ = why;
  events_.add("", "lab", "failed: " + why);
  callbacks_.failed(why);
}

void Lab::start_time_to_live() {
  const boost::json::value* options = bundle_.if_contains("options");
  const boost::json::value* seconds = options == nullptr ? nullptr : options->as_object().if_contains("ttlSeconds");
  if (seconds == nullptr || !seconds->is_number()) return;
  time_to_live_.expires_after(std::chrono::seconds(seconds->to_number<std::int64_t>()));
  time_to_live_.async_wait([this](boost::system::error_code failure) {
    if (failure) return;
    events_.add("", "lab", "its time to live is over");
    end();
  });
}

void Lab::end() {
  state_ = State::stopping;
  events_.add("", "lab", "ends");
  callbacks_.ended();
}

// ---- killing and building anew

std::vector<plan::CreateCable> Lab::cables_of(const std::string& node) const {
  return cables_in(plan_, node);
}

void Lab::kill(Node& node) {
  processes_.node_killed(node.name());
  pods_.host_gone(node.name());
  node.kill();
  for (const plan::CreateCable& cable : cables_of(node.name())) applier_.disconnect(cable);
  for (const plan::CreateWire& wire : plan_.wires_of(node.name())) applier_.disconnect(wire, node.name());
}

void Lab::kill_node(const std::string& name) {
  check_ready();
  check_not_reconfiguring();
  if (Pod* pod = find_pod(name)) {
    if (pod->host_network) {
      for (auto& [id, container] : pod->containers) pods_.signal(container, SIGKILL);
    } else {
      pod->node->kill_processes();
    }
    events_.add(pod->host, "killed", "pod " + pod->name);
    return;
  }
  std::shared_ptr<Node> node = find_node(name);
  if (!node) throw base::Error("no node \"" + name + "\" in this lab");
  kill(*node);
  events_.add(name, "killed", "node " + name);
}

// What a restart of NODE repeats: all but the wires, whose ends it is given instead.
Lab::Operations Lab::rebuilding_of(const plan::Plan& plan, const std::string& node) {
  std::vector<plan::Operation> operations = plan.operations_of(node);
  std::erase_if(operations, [](const plan::Operation& it) {
    return std::holds_alternative<plan::CreateNode>(it) || std::holds_alternative<plan::CreateWire>(it);
  });
  return std::make_shared<const std::vector<plan::Operation>>(std::move(operations));
}

void Lab::restart_node(const std::string& name, Done done) {
  std::shared_ptr<Node> node = find_node(name);
  if (!node || node->name() != name || node->kind() != Node::Kind::node) {
    throw base::Error("no node \"" + name + "\" in this lab");
  }
  check_ready();
  check_not_reconfiguring();
  if (restarting_.count(name) != 0) throw base::Error("node " + name + " is being restarted already");
  rebuild_node(name, plan_, plan_, [this, name, done = std::move(done)](const std::string& failure) {
    done(failure.empty() ? failure_of([&] { processes_.start_node(name); }) : failure);
  });
}

// The far end of a wire that had to be made anew has lost what lay on it. What does not come back there is no reason
// not to restart a node here.
void Lab::reconnect(const plan::CreateWire& wire, Node& old, const plan::Plan& before, const plan::Plan& after) {
  if (!applier_.reconnect(wire, old)) return;
  bool near = old.name() == wire.node;
  const std::string& node = near ? wire.peer_node : wire.node;
  const std::string& link = near ? wire.peer_name.name : wire.name.name;
  std::set<std::string> known;
  for (const plan::Operation& operation : before.operations) known.insert(plan::identity_of(operation));
  for (const plan::Operation& operation : after.operations) {
    bool was_there = plan::node_of(operation) == node && known.contains(plan::identity_of(operation));
    if (!was_there || !is_on_link(operation, link)) continue;
    std::string failure = failure_of([&] { applier_.apply_unless_there(operation); });
    if (!failure.empty()) events_.add(node, "failed", failure);
  }
  if (nodes_.at(node)->killed()) applier_.disconnect(wire, node);
}

void Lab::rebuild_node(const std::string& name, const plan::Plan& before, const plan::Plan& after, Done done) {
  std::shared_ptr<Node> old = nodes_.at(name);
  half_built_.insert(name);
  kill(*old);
  events_.add(name, "killed", "node " + name);
  // Those of AFTER may be there from an earlier attempt.
  for (const plan::Plan* plan : {&before, &after}) {
    for (const plan::CreateCable& cable : cables_in(*plan, name)) applier_.remove(cable);
  }
  for (const plan::Operation& operation : after.operations_of(name)) {
    if (std::holds_alternative<plan::CreateNode>(operation)) make(operation, after);
  }
  for (const plan::CreateWire& wire : after.wires_of(name)) reconnect(wire, *old, before, after);
  restarting_.insert(name);
  apply_all(rebuilding_of(after, name), 0, [this, name, done = std::move(done)](const std::string& failure) {
    restarting_.erase(name);
    if (!failure.empty()) return done(failure);
    std::string broken = failure_of([&] { faults_->node_rebuilt(name); });
    if (!broken.empty()) return done(broken);
    half_built_.erase(name);
    events_.add(name, "restarted", "node " + name);
    done("");
  });
}

// ---- looking

// A pod of the host's network is where its node is.
std::shared_ptr<Node> Lab::find_node(const std::string& name) const {
  auto found = nodes_.find(name);
  if (found != nodes_.end()) return found->second;
  const Pod* pod = find_pod(name);
  return pod == nullptr ? nullptr : pod->node;
}

// By "NAMESPACE/NAME", or by NAME alone where one pod has it and no node.
Pod* Lab::find_pod(const std::string& name) const {
  if (Pod* pod = pods_.find(name)) return pod;
  if (nodes_.count(name) != 0) return nullptr;
  Pod* only = nullptr;
  for (const auto& [full_name, pod] : pods_.all()) {
    if (full_name.substr(full_name.find('/') + 1) != name) continue;
    if (only != nullptr) return nullptr;
    only = pod.get();
  }
  return only;
}

boost::json::object Lab::to_json() const {
  static constexpr const char* states[] = {"starting", "ready", "failed", "stopping"};
  boost::json::array endpoints;
  for (const auto& [what, where] : plan_.endpoints) {
    endpoints.push_back(boost::json::object{{"what", what}, {"where", where}});
  }
  const boost::json::object& kernel = bundle_.at("kernel").as_object();
  boost::json::object json{
      {"name", plan_.lab},
      {"state", states[static_cast<int>(state_)]},
      {"kernel",
       {{"provider", kernel.at("provider")}, {"version", kernel.at("version")}, {"reason", kernel.at("reason")}}},
      {"topology", bundle_.at("topology").at("path")},
      {"started", started_},
      {"endpoints", std::move(endpoints)},
      {"timings", timings_}};
  if (!why_.empty()) json["why"] = why_;
  if (!plan_.api.empty()) json["api"] = plan_.api;
  if (!plan_.control_plane.empty()) json["controlPlane"] = plan_.control_plane;
  return json;
}

boost::json::object Lab::node_to_json(Node& node) {
  bool is_pod = node.kind() == Node::Kind::pod;
  boost::json::object json{
      {"name", node.name()}, {"kind", is_pod ? "pod" : "node"}, {"state", node.killed() ? "killed" : "running"}};
  if (is_pod) json["host"] = pods_.find(node.name())->host;
  std::vector<netlink::AddressInfo> addresses = netlink::list_addresses(node.socket());
  boost::json::array links;
  for (const netlink::LinkInfo& link : netlink::list_links(node.socket())) {
    std::vector<std::string> its = addresses_of(addresses, link.index);
    links.push_back(
        boost::json::object{{"name", link.alternative_names.empty() ? link.name : link.alternative_names.front()},
                            {"kind", link.kind},
                            {"up", link.up},
                            {"mac", link.mac.to_string()},
                            {"addresses", boost::json::array(its.begin(), its.end())}});
  }
  json["links"] = std::move(links);
  return json;
}

boost::json::array Lab::nodes_to_json() {
  boost::json::array all;
  for (Node::Kind kind : {Node::Kind::node, Node::Kind::pod}) {
    for (auto& [name, node] : nodes_) {
      if (node->kind() == kind) all.push_back(node_to_json(*node));
    }
  }
  for (const auto& [name, pod] : pods_.all()) {
    if (!pod->host_network) continue;
    all.push_back(boost::json::object{{"name", name},
                                      {"kind", "pod"},
                                      {"state", pod->node->killed() ? "killed" : "running"},
                                      {"host", pod->host},
                                      {"hostNetwork", true},
                                      {"links", boost::json::array()}});
  }
  return all;
}

}  // namespace supervisor
