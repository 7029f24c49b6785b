// Brings the status of one Pod object to the API server: one patch at a time, the newest status, until it is there.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <boost/json/object.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agents/nodelet/back_off.h"
#include "lib/kube/client.h"

namespace nodelet {

class StatusWriter {
 public:
  // CLIENT must outlive it. ON_IDLE is called whenever nothing is left to write.
  StatusWriter(kube::Client& client, const kube::Object& pod, std::function<void()> on_idle);
  ~StatusWriter();

  void write(const boost::json::object& status);
  // The object as it is now: somebody else may have written something that is not so.
  void observe(const kube::Pod& pod);
  bool is_idle() const;
  // Of the object, as far as others have written them, and ours as they were given last: whether they are there already
  // or still on their way must not change the time of their transition, or two statuses would replace one another for
  // ever.
  std::vector<kube::Condition> conditions() const;

 private:
  struct State;
  static void send(const std::shared_ptr<State>& state);
  static void sent(const std::shared_ptr<State>& state, const kube::Reply& reply);

  std::shared_ptr<State> state_;  // shared with what is under way
};

}  // namespace nodelet
