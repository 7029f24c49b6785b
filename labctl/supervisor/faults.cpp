#include "labctl/supervisor/faults.h"

#include <fmt/format.h>

#include <algorithm>

#include "labctl/supervisor/lab.h"
#include "labctl/topology/injection.h"
#include "lib/base/error.h"

namespace supervisor {
namespace {

using topology::Impair;
using topology::Injection;
using topology::LinkFault;
using topology::Partition;
using topology::Target;
using topology::TargetFault;

bool kills_node(const Injection& what) {
  const auto* fault = std::get_if<TargetFault>(&what);
  return fault != nullptr && fault->what == TargetFault::What::kill && fault->target.kind == Target::Kind::node;
}

// The fault that WHAT mends; nothing where it mends none.
std::optional<Injection> mended_by(const Injection& what) {
  if (const auto* link = std::get_if<LinkFault>(&what); link != nullptr && link->up) {
    return LinkFault{false, link->link};
  }
  const auto* fault = std::get_if<TargetFault>(&what);
  if (fault == nullptr || fault->what != TargetFault::What::resume) return std::nullopt;
  return TargetFault{TargetFault::What::pause, fault->target};
}

// A link is known by its full name and by a short one. One that is not there is refused by what is to happen to it.
Injection with_full_name(Lab& lab, Injection what) {
  auto* fault = std::get_if<LinkFault>(&what);
  auto* impair = std::get_if<Impair>(&what);
  if (fault == nullptr && impair == nullptr) return what;
  std::string& link = fault != nullptr ? fault->link.value : impair->link.value;
  try {
    auto [node, found] = find_link(lab, link);
    link = node->name() + ":" + (found.alternative_names.empty() ? found.name : found.alternative_names.front());
  } catch (const base::Error&) {
  }
  return what;
}

bool share_a_network(const Partition& one, const Partition& other) {
  if (one.networks.empty() || other.networks.empty()) return true;
  return std::any_of(one.networks.begin(), one.networks.end(), [&](const auto& network) {
    return std::any_of(other.networks.begin(), other.networks.end(),
                       [&](const auto& its) { return its.value == network.value; });
  });
}

}  // namespace

void Faults::inject(const Injection& given, std::optional<topology::Duration> lasting, Injected done) {
  forget_what_is_over();
  Injection what = with_full_name(lab_, given);
  if (std::optional<Injection> mended = mended_by(what)) return undo(*mended, what, std::move(done));
  const auto* fault = std::get_if<TargetFault>(&what);
  if (fault != nullptr && fault->what == TargetFault::What::restart) return restart(*fault, std::move(done));
  if (std::optional<std::uint64_t> id = find(what)) {
    throw base::Error(fmt::format("{} already: it is fault {}", topology::describe(what), *id));
  }
  std::unique_ptr<Effect> effect = take_effect(what);
  if (effect) return done("", add(what, lasting, std::move(effect)));
  done("", {{"fault", topology::to_json(what)}, {"what", topology::describe(what)}});
}

std::unique_ptr<Effect> Faults::take_effect(const Injection& what) {
  if (const auto* link = std::get_if<LinkFault>(&what)) return take_down(lab_, switch_, link->link.value);
  if (const auto* impair = std::get_if<Impair>(&what)) {
    heal_impairment_of(impair->link.value);
    return supervisor::impair(lab_, *impair);
  }
  if (const auto* partition = std::get_if<Partition>(&what)) {
    refuse_second_partition(*partition);
    return part(lab_, switch_, *partition);
  }
  const auto& fault = std::get<TargetFault>(what);
  return fault.what == TargetFault::What::kill ? supervisor::kill(lab_, fault.target) : pause(lab_, fault.target);
}

void Faults::heal_impairment_of(const std::string& link) {
  auto found = std::find_if(on_.begin(), on_.end(), [&](const auto& it) {
    const auto* impair = std::get_if<Impair>(&it.second.what);
    return impair != nullptr && impair->link.value == link;
  });
  if (found != on_.end()) heal(found->first, [](const std::string&) {});
}

void Faults::refuse_second_partition(const Partition& partition) const {
  for (const auto& [id, entry] : on_) {
    const auto* other = std::get_if<Partition>(&entry.what);
    if (other == nullptr || !share_a_network(partition, *other)) continue;
    throw base::Error(
        fmt::format("{}: fault {} parts one of these networks already", topology::describe(partition), id))
        .with_mend("heal it first");
  }
}

boost::json::object Faults::add(const Injection& what, std::optional<topology::Duration> lasting,
                                std::unique_ptr<Effect> effect) {
  std::uint64_t id = next_++;
  Entry& entry = on_[id];
  entry.what = what;
  entry.since = timestamp();
  entry.lasting = lasting;
  entry.effect = std::move(effect);
  lab_.events().add("", "fault", fmt::format("{}: {}", id, topology::describe(what)));
  if (lasting) {
    entry.timer = std::make_unique<boost::asio::steady_timer>(lab_.loop(), *lasting);
    entry.timer->async_wait([this, id](boost::system::error_code failure) {
      if (failure || !has(id)) return;
      on_.at(id).due = true;
      heal_due();
    });
  }
  return to_json(id, entry);
}

void Faults::kill(const std::string& name) {
  bool is_node = lab_.find_pod(name) == nullptr;
  Target target{is_node ? Target::Kind::node : Target::Kind::pod, {name, {}}};
  TargetFault fault{TargetFault::What::kill, target};
  forget_what_is_over();
  if (find(fault)) return;
  if (std::unique_ptr<Effect> effect = supervisor::kill(lab_, target)) add(fault, std::nullopt, std::move(effect));
}

void Faults::restart(const TargetFault& fault, Injected done) {
  boost::json::object json{{"fault", topology::to_json(fault)}, {"what", topology::describe(fault)}};
  if (fault.target.kind == Target::Kind::process) {
    return lab_.processes().restart(fault.target.name.value,
                                    [done, json](const std::string& failure) { done(failure, json); });
  }
  lab_.restart_node(fault.target.name.value, [done, json](const std::string& failure) { done(failure, json); });
}

void Faults::undo(const Injection& what, const Injection& by, Injected done) {
  std::optional<std::uint64_t> id = find(what);
  if (!id) throw base::Error(fmt::format("no fault \"{}\" is on", topology::describe(what)));
  heal(*id, [done = std::move(done), by](const std::string& failure) {
    done(failure, {{"fault", topology::to_json(by)}, {"what", topology::describe(by)}});
  });
}

std::optional<std::uint64_t> Faults::find(const Injection& what) const {
  boost::json::object wanted = topology::to_json(what);
  for (const auto& [id, entry] : on_) {
    if (topology::to_json(entry.what) == wanted) return id;
  }
  return std::nullopt;
}

// ---- healing

void Faults::forget_what_is_over() {
  std::erase_if(on_, [](auto& it) { return it.second.effect->over(); });
}

bool Faults::has(std::uint64_t id) {
  forget_what_is_over();
  return on_.count(id) != 0;
}

// Whatever comes of it, it is on no longer: what cannot be brought back once cannot be the next time.
void Faults::heal(std::uint64_t id, Healed done) {
  auto found = on_.find(id);
  if (found == on_.end()) throw base::Error(fmt::format("no fault {} is on", id));
  // That would build it anew in the midst of it.
  if (kills_node(found->second.what)) lab_.check_not_reconfiguring();
  Entry entry = std::move(found->second);
  on_.erase(found);
  std::string what = fmt::format("{}: {}", id, topology::describe(entry.what));
  auto told = [this, what, done = std::move(done)](const std::string& failure) {
    lab_.events().add("", "healed", failure.empty() ? what : what + ": " + failure);
    done(failure);
  };
  try {
    entry.effect->heal(told);
  } catch (const base::Error& error) {
    told(error.what());
  }
}

void Faults::heal_due() {
  while (!lab_.is_reconfiguring()) {
    forget_what_is_over();
    auto due = std::find_if(on_.begin(), on_.end(), [](const auto& it) { return it.second.due; });
    if (due == on_.end()) return;
    heal(due->first, [](const std::string&) {});
  }
}

void Faults::heal_all(Healed done) {
  heal_next("", std::move(done));
}

void Faults::heal_next(std::string failures, Healed done) {
  forget_what_is_over();
  if (on_.empty()) return done(failures);
  auto next = std::find_if(on_.begin(), on_.end(), [](const auto& it) { return kills_node(it.second.what); });
  std::uint64_t id = next != on_.end() ? next->first : on_.rbegin()->first;
  heal(id, [this, failures, done = std::move(done)](const std::string& failure) {
    heal_next(failures + (failures.empty() || failure.empty() ? "" : "; ") + failure, done);
  });
}

void Faults::node_rebuilt(const std::string& node) {
  forget_what_is_over();
  for (auto& [id, entry] : on_) entry.effect->node_rebuilt(node);
}

boost::json::object Faults::to_json(std::uint64_t id, const Entry& entry) {
  boost::json::object json{{"id", id},
                           {"fault", topology::to_json(entry.what)},
                           {"what", topology::describe(entry.what)},
                           {"since", entry.since}};
  if (entry.lasting) json["for"] = fmt::format("{}ms", entry.lasting->count());
  return json;
}

boost::json::array Faults::to_json() {
  forget_what_is_over();
  boost::json::array all;
  for (const auto& [id, entry] : on_) all.push_back(to_json(id, entry));
  return all;
}

}  // namespace supervisor
