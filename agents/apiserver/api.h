// The HTTP side of the API server: from requests to calls of the registry, and back.
#pragma once

#include <memory>
#include <ostream>
#include <string>

#include "agents/apiserver/registry.h"
#include "agents/apiserver/store.h"
#include "lib/base/http.h"

namespace boost::asio {
class io_context;
}

namespace apiserver {

class Api {
 public:
  // All must outlive it. Requests are logged to LOG where it is not null.
  Api(boost::asio::io_context& loop, Registry& registry, Store& store, std::ostream* log);

  void handle(std::shared_ptr<base::http::Exchange> exchange);

 private:
  base::http::Response answer(base::http::Exchange& exchange, const Target& target);
  base::http::Response get_or_list(const base::http::Request& request, const Target& target);
  base::http::Response create(const base::http::Request& request, const Target& target);
  base::http::Response update(const base::http::Request& request, const Target& target);
  base::http::Response patch(const base::http::Request& request, const Target& target);
  base::http::Response remove(const base::http::Request& request, const Target& target);
  void watch(base::http::Exchange& exchange, const Target& target);

  boost::asio::io_context& loop_;
  Registry& registry_;
  Store& store_;
  std::ostream* log_;
};

// What the path names; kind is null where it names no resource. Throws StatusError for one that does not exist.
Target parse_target(const base::http::Request& request);

}  // namespace apiserver
