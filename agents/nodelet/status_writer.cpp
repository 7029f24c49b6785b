#include "agents/nodelet/status_writer.h"

#include <boost/json/array.hpp>
#include <charconv>
#include <utility>

#include "agents/nodelet/pod_status.h"

namespace nodelet {

struct StatusWriter::State {
  State(kube::Client& api, const kube::Object& pod, std::function<void()> idle)
      : client(api),
        namespace_name(kube::text_at(pod, "metadata.namespace")),
        name(kube::text_at(pod, "metadata.name")),
        uid(kube::text_at(pod, "metadata.uid")),
        conditions(kube::Pod::parse(pod).conditions),
        on_idle(std::move(idle)),
        retry(api.loop()) {}

  kube::Client& client;
  std::string namespace_name;
  std::string name;
  std::string uid;
  std::vector<kube::Condition> conditions;
  std::optional<boost::json::object> wanted;
  boost::json::object written;
  std::uint64_t written_version = 0;
  bool under_way = false;
  bool closed = false;
  BackOff back_off{std::chrono::milliseconds(100), std::chrono::milliseconds(2000)};
  std::function<void()> on_idle;
  boost::asio::steady_timer retry;
};

namespace {

// Versions are numbers in every API server there is; one that is not counts as the oldest.
std::uint64_t version_of(const std::string& text) {
  std::uint64_t version = 0;
  std::from_chars(text.data(), text.data() + text.size(), version);
  return version;
}

}  // namespace

StatusWriter::StatusWriter(kube::Client& client, const kube::Object& pod, std::function<void()> on_idle)
    : state_(std::make_shared<State>(client, pod, std::move(on_idle))) {}

StatusWriter::~StatusWriter() {
  state_->closed = true;
  state_->on_idle = nullptr;
  state_->retry.cancel();
}

void StatusWriter::write(const boost::json::object& status) {
  state_->wanted = status;
  send(state_);
}

void StatusWriter::observe(const kube::Pod& pod) {
  // What was written meanwhile is not in an older object.
  if (state_->under_way || version_of(pod.metadata.resource_version) < state_->written_version) return;
  state_->conditions = pod.conditions;
  if (!state_->written.empty() && contradicts(pod, state_->written)) state_->written.clear();
  send(state_);
}

bool StatusWriter::is_idle() const {
  return !state_->under_way && (!state_->wanted || *state_->wanted == state_->written);
}

std::vector<kube::Condition> StatusWriter::conditions() const {
  std::vector<kube::Condition> conditions = state_->conditions;
  if (!state_->wanted) return conditions;
  for (const kube::Condition& own : kube::Pod::parse({{"status", *state_->wanted}}).conditions) {
    std::erase_if(conditions, [&](const kube::Condition& other) { return other.type == own.type; });
    conditions.push_back(own);
  }
  return conditions;
}

void StatusWriter::send(const std::shared_ptr<State>& state) {
  if (state->closed || state->under_way || !state->wanted || *state->wanted == state->written) return;
  state->under_way = true;
  state->retry.cancel();
  state->written = *state->wanted;
  state->client.patch(
      kube::resources::pods, state->namespace_name, state->name, kube::PatchType::strategic_merge,
      status_patch(state->uid, state->written), [state](const kube::Reply& reply) { sent(state, reply); }, "status");
}

void StatusWriter::sent(const std::shared_ptr<State>& state, const kube::Reply& reply) {
  state->under_way = false;
  if (state->closed) return;
  if (reply.ok()) {
    kube::Pod pod = kube::Pod::parse(reply.body);
    state->conditions = pod.conditions;
    state->written_version = version_of(pod.metadata.resource_version);
    state->back_off.reset();
  } else if (reply.unreachable() || reply.status >= 500) {
    state->written.clear();
    state->retry.expires_after(state->back_off.next());
    state->retry.async_wait([state](const boost::system::error_code& cancelled) {
      if (!cancelled) send(state);
    });
    return;
  }
  // Any other refusal: the object is gone, or another one has its name. There is nobody to tell.
  send(state);
  if (!state->under_way && state->on_idle) std::function<void()>(state->on_idle)();
}

}  // namespace nodelet
