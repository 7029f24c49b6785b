// One watch: a stream of {"type", "object"} lines, filtered for its client.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <memory>
#include <string>

#include "agents/apiserver/columns.h"
#include "agents/apiserver/registry.h"
#include "agents/apiserver/store.h"
#include "lib/base/http.h"

namespace apiserver {

struct WatchOptions {
  const Kind* kind = nullptr;
  Filter filter;
  std::string resource_version;  // "" and "0": begin with what is there
  bool send_initial_events = false;
  bool bookmarks = false;
  bool table = false;
  IncludeObject include = IncludeObject::metadata;
  std::chrono::seconds timeout{3600};
  std::chrono::seconds bookmark_interval{60};
  // A client that lets more than this pile up is cut; it lists again.
  size_t backlog_limit = 16 * 1024 * 1024;
};

// Lives as long as its stream.
class Watch : public std::enable_shared_from_this<Watch> {
 public:
  // REGISTRY and STORE must outlive the event loop's run.
  static void start(boost::asio::io_context& loop, const Registry& registry, Store& store, WatchOptions options,
                    std::shared_ptr<base::http::ResponseStream> stream);

  Watch(boost::asio::io_context& loop, WatchOptions options, std::shared_ptr<base::http::ResponseStream> stream);

 private:
  void begin(const Registry& registry, Store& store);
  void send_state(const Registry& registry);
  void take(const Change& change);
  void send(const std::string& type, const Object& object);
  void send_line(const std::string& type, const boost::json::value& object);
  void write_line(const std::string& type, const std::string& object);
  void send_error(const Object& status);
  void send_bookmark(bool end_of_initial_events);
  void schedule_bookmark();
  void close();

  WatchOptions options_;
  std::shared_ptr<base::http::ResponseStream> stream_;
  Store* store_ = nullptr;
  Store::Subscription subscription_;
  boost::asio::steady_timer end_timer_;
  boost::asio::steady_timer bookmark_timer_;
  bool first_table_ = true;
};

}  // namespace apiserver
