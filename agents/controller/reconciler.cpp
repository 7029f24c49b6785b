#include "agents/controller/reconciler.h"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <charconv>

#include "lib/base/error.h"

namespace controller {
namespace {

using std::chrono::milliseconds;

// Writes of different tasks at a time: the API server works one after the other anyway.
constexpr size_t most_writing = 4;
constexpr milliseconds first_pause{50};
constexpr milliseconds longest_pause{10'000};
// For a change that nobody will ever see: an object that was made and deleted between two looks.
constexpr milliseconds longest_settling{5'000};

uint64_t version_of(const Object& object) {
  std::string text = kube::text_at(object, "metadata.resourceVersion");
  uint64_t version = 0;
  std::from_chars(text.data(), text.data() + text.size(), version);
  return version;
}

milliseconds pause_after(unsigned failures) {
  return std::min(first_pause * (1u << std::min(failures, 10u)), longest_pause);
}

}  // namespace

Reconciler::Reconciler(kube::Client& client, Lookup lookup, std::ostream& log)
    : client_(client), lookup_(std::move(lookup)), log_(log) {}

Reconciler::~Reconciler() {
  for (const auto& [id, task] : tasks_) task->timer.cancel();
}

void Reconciler::add(const std::string& kind, Decide decide) {
  kinds_[kind] = std::move(decide);
}

void Reconciler::request(const std::string& kind, const std::string& key) {
  TaskPointer& task = tasks_[{kind, key}];
  if (!task) {
    task = std::make_shared<Task>(client_.loop());
    task->kind = kind;
    task->key = key;
  }
  bool at_work = task->state == Task::State::writing || task->state == Task::State::settling;
  if (at_work) task->again = true;
  if (task->state == Task::State::idle) enqueue(TaskPointer(task));
}

void Reconciler::enqueue(const TaskPointer& task) {
  task->timer.cancel();
  task->state = Task::State::queued;
  queue_.push_back(task);
  // Not at once: what is asked for while one event is handled is decided on all of it.
  if (queue_.size() == 1) {
    boost::asio::post(client_.loop(), [weak = std::weak_ptr(self_)] {
      if (auto self = weak.lock()) (*self)->work();
    });
  }
}

void Reconciler::hold() {
  held_ = true;
}

void Reconciler::release() {
  held_ = false;
  work();
}

void Reconciler::work() {
  while (!held_ && writing_ < most_writing && !queue_.empty()) {
    TaskPointer task = queue_.front();
    queue_.pop_front();
    start(task);
  }
}

void Reconciler::start(const TaskPointer& task) {
  task->again = false;
  task->failure.clear();
  task->next = 0;
  task->state = Task::State::writing;
  ++writing_;
  try {
    task->decision = kinds_.at(task->kind)(task->key);
  } catch (const base::Error& error) {
    task->decision = {};
    fail(*task, error.what(), false);
  }
  keep_new_reports(*task);
  write_next(task);
}

void Reconciler::keep_new_reports(Task& task) {
  std::set<std::string> now;
  std::erase_if(task.decision.changes, [&](const Change& change) {
    if (change.verb != Change::Verb::report) return false;
    now.insert(change.summary);
    return task.reported.count(change.summary) > 0;
  });
  task.reported = std::move(now);
}

void Reconciler::write_next(const TaskPointer& task) {
  const Decision& decision = task->decision;
  while ((task->failure.empty() || decision.independent) && task->next < decision.changes.size()) {
    const Change& change = decision.changes[task->next];
    if (change.needs) return check_needs(task);
    if (change.verb != Change::Verb::report) return write(task);
    announce(change);
    ++task->next;
  }
  --writing_;
  settle(task);
}

void Reconciler::check_needs(const TaskPointer& task) {
  const Identity& needed = *task->decision.changes[task->next].needs;
  auto answered = [weak = std::weak_ptr(self_), task, uid = needed.uid](const kube::Reply& reply) {
    auto self = weak.lock();
    if (!self) return;
    bool stays = reply.ok() && kube::text_at(reply.body, "metadata.uid") == uid &&
                 kube::find(reply.body, "metadata.deletionTimestamp") == nullptr;
    if (stays) return (*self)->write(task);
    ++task->next;
    (*self)->fail(*task, "what is needed is gone", true);
    (*self)->write_next(task);
    (*self)->work();
  };
  client_.get(*needed.resource, needed.namespace_name, needed.name, std::move(answered));
}

void Reconciler::write(const TaskPointer& task) {
  perform(task->decision.changes[task->next], [weak = std::weak_ptr(self_), task](const kube::Reply& reply) {
    if (auto self = weak.lock()) (*self)->written(task, reply);
  });
}

void Reconciler::written(const TaskPointer& task, const kube::Reply& reply) {
  const Change& change = task->decision.changes[task->next++];
  bool gone_already = change.verb == Change::Verb::remove && reply.not_found();
  if (reply.ok()) {
    announce(change);
    expect(*task, change, reply);
  } else if (!gone_already) {
    // Somebody else was faster, or nobody is there: the next look at the caches will tell.
    fail(*task, change.summary + ": " + reply.error, reply.conflict() || reply.not_found() || reply.unreachable());
  }
  write_next(task);
  work();
}

void Reconciler::fail(Task& task, const std::string& why, bool expected) {
  task.failure = why;
  if (expected || why == task.logged_failure) return;
  task.logged_failure = why;
  log_ << "controller: " << why << std::endl;
}

void Reconciler::settle(const TaskPointer& task) {
  std::erase_if(task->expectations, [this](const Expectation& expectation) { return is_met(expectation); });
  if (task->expectations.empty()) return finish(task);
  task->state = Task::State::settling;
  settling_.insert(task);
  wait(task, longest_settling, &Reconciler::finish);
}

void Reconciler::finish(const TaskPointer& task) {
  settling_.erase(task);
  task->expectations.clear();
  task->decision.changes.clear();
  task->timer.cancel();
  if (!task->failure.empty()) {
    task->state = Task::State::resting;
    return wait(task, pause_after(task->failures++), &Reconciler::enqueue);
  }
  task->failures = 0;
  task->logged_failure.clear();
  task->state = Task::State::idle;
  if (task->again) return enqueue(task);
  if (auto pause = task->decision.again_after) return wait(task, *pause, &Reconciler::enqueue);
  if (task->reported.empty()) tasks_.erase({task->kind, task->key});
}

void Reconciler::wait(const TaskPointer& task, milliseconds duration, void (Reconciler::*then)(const TaskPointer&)) {
  task->timer.expires_after(duration);
  auto expired = [weak = std::weak_ptr(self_), task, then,
                  state = task->state](const boost::system::error_code& failure) {
    auto self = weak.lock();
    // What has expired can be overtaken, before it is told, by what it waited for.
    if (!failure && self && task->state == state) ((**self).*then)(task);
  };
  task->timer.async_wait(std::move(expired));
}

void Reconciler::cache_changed() {
  for (const TaskPointer& task : std::vector(settling_.begin(), settling_.end())) {
    std::erase_if(task->expectations, [this](const Expectation& expectation) { return is_met(expectation); });
    if (task->expectations.empty()) finish(task);
  }
}

void Reconciler::perform(const Change& change, kube::Client::Done done) {
  const kube::Resource& resource = *change.resource;
  boost::json::value body = change.body;
  switch (change.verb) {
    case Change::Verb::create:
      return client_.create(resource, change.body, std::move(done));
    case Change::Verb::patch:
      return client_.patch(resource, change.namespace_name, change.name, change.patch_type, body, std::move(done),
                           change.subresource);
    case Change::Verb::bind:
      return client_.request("POST", resource.path(change.namespace_name, change.name, "binding"), &body,
                             "application/json", std::move(done));
    case Change::Verb::remove: {
      Object options{{"apiVersion", "v1"}, {"kind", "DeleteOptions"}, {"preconditions", Object{{"uid", change.uid}}}};
      if (change.grace_seconds >= 0) options["gracePeriodSeconds"] = change.grace_seconds;
      body = std::move(options);
      return client_.request("DELETE", resource.path(change.namespace_name, change.name), &body, "application/json",
                             std::move(done));
    }
    case Change::Verb::report:
      break;
  }
}

void Reconciler::announce(const Change& change) {
  if (!change.summary.empty()) log_ << "controller: " << change.summary << std::endl;
  if (change.event) client_.create(kube::resources::events, event_object(*change.event), {});
}

void Reconciler::expect(Task& task, const Change& change, const kube::Reply& reply) {
  Expectation expectation{change.resource, change.key(), {}};
  uint64_t version = version_of(reply.body);
  bool creates = change.verb == Change::Verb::create;
  if (change.verb == Change::Verb::bind) {
    expectation.is_met = [](const Object* cached) {
      return cached == nullptr || !kube::text_at(*cached, "spec.nodeName").empty();
    };
  } else if (kube::text_at(reply.body, "kind") == "Status") {
    expectation.is_met = [uid = change.uid](const Object* cached) {
      return cached == nullptr || kube::text_at(*cached, "metadata.uid") != uid;
    };
  } else {
    expectation.is_met = [version, creates](const Object* cached) {
      return cached == nullptr ? !creates : version_of(*cached) >= version;
    };
  }
  task.expectations.push_back(std::move(expectation));
}

bool Reconciler::is_met(const Expectation& expectation) const {
  return expectation.is_met(lookup_(*expectation.resource, expectation.key));
}

}  // namespace controller
