// The faults that are on in the lab: what each has done, and how it is healed.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "labctl/supervisor/effects.h"
#include "labctl/topology/scenario.h"
#include "lib/netlink/socket.h"

namespace supervisor {

class Lab;

class Faults {
 public:
  explicit Faults(Lab& lab) : lab_(lab) {}

  // DONE is told FAULT as docs/control-api.md has it (without an ID where it does not stay on), or why it failed.
  // Throws base::Error where the lab has no such thing, or it is so already.
  using Injected = std::function<void(const std::string& failure, const boost::json::object& fault)>;
  void inject(const topology::Injection& given, std::optional<topology::Duration> lasting, Injected done);
  // A node or a pod, with SIGKILL.
  void kill(const std::string& node_or_pod);

  bool has(std::uint64_t id);
  using Healed = Effect::Done;
  void heal(std::uint64_t id, Healed done);
  // Killed nodes first, as that brings back most, then the latest; DONE is told what failed of all that was tried.
  void heal_all(Healed done);

  boost::json::array to_json();

  // What was to be healed while another topology was being applied.
  void heal_due();

  // What was broken in NODE is no longer; partitions are of the networks, and take its new cables in.
  void node_rebuilt(const std::string& node);

 private:
  struct Entry {
    topology::Injection what;
    std::string since;
    std::optional<topology::Duration> lasting;
    std::unique_ptr<boost::asio::steady_timer> timer;
    std::unique_ptr<Effect> effect;
    bool due = false;  // its time is over
  };
  std::unique_ptr<Effect> take_effect(const topology::Injection& what);
  // One that is on: another takes its place.
  void heal_impairment_of(const std::string& link);
  void refuse_second_partition(const topology::Partition& partition) const;
  boost::json::object add(const topology::Injection& what, std::optional<topology::Duration> lasting,
                          std::unique_ptr<Effect> effect);
  void restart(const topology::TargetFault& fault, Injected done);
  // Heals the fault that is WHAT.
  void undo(const topology::Injection& what, const topology::Injection& done_by, Injected done);
  std::optional<std::uint64_t> find(const topology::Injection& what) const;
  void forget_what_is_over();
  void heal_next(std::string failures, Healed done);
  static boost::json::object to_json(std::uint64_t id, const Entry& entry);

  Lab& lab_;
  netlink::Socket switch_;
  std::map<std::uint64_t, Entry> on_;
  std::uint64_t next_ = 1;
};

}  // namespace supervisor
