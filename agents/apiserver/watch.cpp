#include "agents/apiserver/watch.h"

#include <boost/json/serialize.hpp>
#include <charconv>

namespace apiserver {
namespace {

namespace json = boost::json;

// nullopt: begin with what is there.
std::optional<uint64_t> parse_version(const std::string& text) {
  if (text.empty() || text == "0") return std::nullopt;
  uint64_t version = 0;
  auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), version);
  if (failure != std::errc() || end != text.data() + text.size()) {
    throw bad_request("invalid resource version \"" + text + "\"");
  }
  return version;
}

}  // namespace

Watch::Watch(boost::asio::io_context& loop, WatchOptions options, std::shared_ptr<base::http::ResponseStream> stream)
    : options_(std::move(options)), stream_(std::move(stream)), end_timer_(loop), bookmark_timer_(loop) {}

void Watch::start(boost::asio::io_context& loop, const Registry& registry, Store& store, WatchOptions options,
                  std::shared_ptr<base::http::ResponseStream> stream) {
  auto watch = std::make_shared<Watch>(loop, std::move(options), stream);
  // This is what keeps the watch alive.
  stream->on_closed([watch] { watch->close(); });
  watch->begin(registry, store);
}

void Watch::begin(const Registry& registry, Store& store) {
  store_ = &store;
  std::optional<uint64_t> version;
  if (!options_.send_initial_events) version = parse_version(options_.resource_version);
  if (version) {
    auto changes = store.changes_since(options_.kind->collection(), *version);
    if (!changes) {
      send_error(expired("too old resource version: " + options_.resource_version + " (" +
                         std::to_string(store.version()) + ")")
                     .status());
      return stream_->finish();
    }
    for (const Change& change : *changes) take(change);
  } else {
    send_state(registry);
    if (options_.send_initial_events && options_.bookmarks) send_bookmark(true);
  }
  subscription_ =
      store.subscribe(options_.kind->collection(), [this](const std::string&, const Change& change) { take(change); });
  end_timer_.expires_after(options_.timeout);
  end_timer_.async_wait([weak = weak_from_this()](const boost::system::error_code& cancelled) {
    auto self = weak.lock();
    if (!cancelled && self) self->stream_->finish();
  });
  if (options_.bookmarks && !options_.table) schedule_bookmark();
}

void Watch::send_state(const Registry& registry) {
  for (const ObjectPointer& object : registry.list(*options_.kind, options_.filter)) send("ADDED", *object);
}

// A change of an object that comes to match, or ceases to, is an addition or a deletion for this client.
void Watch::take(const Change& change) {
  bool before = change.previous && options_.filter.matches(*change.previous);
  bool after = change.type != Change::Type::deleted && options_.filter.matches(*change.object);
  if (after) {
    send(before ? "MODIFIED" : "ADDED", *change.object);
  } else if (before) {
    send("DELETED", *change.object);
  }
}

void Watch::send(const std::string& type, const Object& object) {
  if (!options_.table && options_.kind->from_stored == nullptr) return write_line(type, json::serialize(object));
  if (!options_.table) return send_line(type, as_seen_by(*options_.kind, object));
  // The rows are computed from objects as they are stored.
  Object metadata{{"resourceVersion", kube::text_at(object, "metadata.resourceVersion")}};
  Object table = make_table(*options_.kind, {std::make_shared<const Object>(object)}, std::move(metadata),
                            options_.include, first_table_);
  first_table_ = false;
  send_line(type, std::move(table));
}

void Watch::send_line(const std::string& type, const json::value& object) {
  write_line(type, json::serialize(object));
}

void Watch::write_line(const std::string& type, const std::string& object) {
  if (stream_->closed()) return;
  stream_->write("{\"type\":\"" + type + "\",\"object\":" + object + "}\n");
  if (stream_->backlog() > options_.backlog_limit) stream_->abort();
}

void Watch::send_error(const Object& status) {
  send_line("ERROR", status);
}

void Watch::send_bookmark(bool end_of_initial_events) {
  Object metadata{{"resourceVersion", std::to_string(store_->version())}, {"creationTimestamp", nullptr}};
  if (end_of_initial_events) metadata["annotations"] = Object{{"k8s.io/initial-events-end", "true"}};
  const kube::Resource& resource = options_.kind->resource;
  send_line("BOOKMARK",
            Object{{"kind", resource.kind}, {"apiVersion", resource.api_version()}, {"metadata", std::move(metadata)}});
}

void Watch::schedule_bookmark() {
  bookmark_timer_.expires_after(options_.bookmark_interval);
  bookmark_timer_.async_wait([weak = weak_from_this()](const boost::system::error_code& cancelled) {
    auto self = weak.lock();
    if (cancelled || !self || self->stream_->closed()) return;
    self->send_bookmark(false);
    self->schedule_bookmark();
  });
}

void Watch::close() {
  subscription_ = {};
  end_timer_.cancel();
  bookmark_timer_.cancel();
}

}  // namespace apiserver
