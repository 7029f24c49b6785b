// Makes decisions and carries them out: a queue of what is to be looked at, and the discipline that no decision is made
// on a view that lacks what the one before it has written.
//
// A task (a kind of work and the key of an object) asked for any number of times is decided once. Its changes are
// written one after the other; then it waits until the caches show them, and only then is decided again. A write that
// fails ends the round, unless the others do not depend on it: the task starts over after a pause, which grows with
// each failure.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <ostream>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "agents/controller/change.h"
#include "lib/kube/client.h"

namespace controller {

class Reconciler {
 public:
  using Decide = std::function<Decision(const std::string& key)>;
  // An object as the caches have it; null where they do not.
  using Lookup = std::function<const Object*(const kube::Resource& resource, const std::string& key)>;

  // CLIENT and LOG must outlive it.
  Reconciler(kube::Client& client, Lookup lookup, std::ostream& log);
  ~Reconciler();
  Reconciler(const Reconciler&) = delete;
  Reconciler& operator=(const Reconciler&) = delete;

  void add(const std::string& kind, Decide decide);
  void request(const std::string& kind, const std::string& key = {});
  // To be called after each change of a cache.
  void cache_changed();
  // While it is held, nothing is decided. It starts held.
  void hold();
  void release();

 private:
  // As long as one is there, a change that has been written cannot be seen yet.
  struct Expectation {
    const kube::Resource* resource = nullptr;
    std::string key;
    std::function<bool(const Object* cached)> is_met;
  };
  struct Task {
    explicit Task(boost::asio::io_context& loop) : timer(loop) {}
    enum class State { idle, queued, writing, settling, resting };
    State state = State::idle;
    bool again = false;  // asked for while it was at work
    std::string kind;
    std::string key;
    Decision decision;
    size_t next = 0;  // of its changes
    std::vector<Expectation> expectations;
    std::set<std::string> reported;
    std::string failure;  // of the last write; empty where it was none
    std::string logged_failure;
    unsigned failures = 0;
    boost::asio::steady_timer timer;
  };
  using TaskPointer = std::shared_ptr<Task>;

  void enqueue(const TaskPointer& task);
  void work();
  void start(const TaskPointer& task);
  void keep_new_reports(Task& task);
  void write_next(const TaskPointer& task);
  void check_needs(const TaskPointer& task);
  void write(const TaskPointer& task);
  void written(const TaskPointer& task, const kube::Reply& reply);
  void fail(Task& task, const std::string& why, bool expected);
  void settle(const TaskPointer& task);
  void finish(const TaskPointer& task);
  void wait(const TaskPointer& task, std::chrono::milliseconds duration, void (Reconciler::*then)(const TaskPointer&));
  void perform(const Change& change, kube::Client::Done done);
  void announce(const Change& change);
  void expect(Task& task, const Change& change, const kube::Reply& reply);
  bool is_met(const Expectation& expectation) const;

  kube::Client& client_;
  Lookup lookup_;
  std::ostream& log_;
  std::map<std::string, Decide> kinds_;
  std::map<std::pair<std::string, std::string>, TaskPointer> tasks_;  // by kind and key
  std::deque<TaskPointer> queue_;
  std::set<TaskPointer> settling_;
  size_t writing_ = 0;
  bool held_ = true;
  std::shared_ptr<Reconciler*> self_ = std::make_shared<Reconciler*>(this);  // gone when this is
};

}  // namespace controller
