// What is answered over HTTP.
#pragma once

#include <boost/asio/io_context.hpp>
#include <memory>

#include "agents/echo/answer.h"
#include "lib/base/http.h"

namespace echo {

// Every path is answered with who is here and whom it sees; those that do something more:
//   /healthz              "ok"
//   /status/CODE          the answer has this status
//   /delay/MILLISECONDS   the answer comes later
//   /bytes/COUNT          this many bytes
class HttpService {
 public:
  static constexpr int64_t longest_delay_ms = 60'000;
  static constexpr int64_t most_bytes = int64_t{1} << 32;

  HttpService(boost::asio::io_context& loop, const Identity& identity) : loop_(loop), identity_(identity) {}

  void handle(const std::shared_ptr<base::http::Exchange>& exchange);

 private:
  base::http::Response answer(const base::http::Request& request, int status = 200) const;
  void answer_later(const std::shared_ptr<base::http::Exchange>& exchange, int64_t milliseconds) const;

  boost::asio::io_context& loop_;
  const Identity& identity_;
};

}  // namespace echo
