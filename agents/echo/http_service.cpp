#include "agents/echo/http_service.h"

#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <charconv>
#include <optional>

namespace echo {
namespace {

using base::http::Exchange;
using base::http::Request;
using base::http::Response;

Response text(int status, const std::string& body) {
  return {status, body, "text/plain", {}};
}

std::optional<int64_t> number_between(const std::string& word, int64_t low, int64_t high) {
  int64_t number = 0;
  auto [end, failure] = std::from_chars(word.data(), word.data() + word.size(), number);
  bool good = failure == std::errc() && end == word.data() + word.size() && number >= low && number <= high;
  return good ? std::optional(number) : std::nullopt;
}

boost::json::object headers_of(const Request& request) {
  boost::json::object headers;
  for (const auto& [name, value] : request.headers) {
    std::string so_far(headers.contains(name) ? std::string(headers[name].as_string()) + ", " : "");
    headers[printable(name)] = so_far + printable(value);
  }
  return headers;
}

// A body that is made while it is sent, so that its size costs no memory.
class Bytes : public std::enable_shared_from_this<Bytes> {
 public:
  Bytes(std::shared_ptr<base::http::ResponseStream> stream, int64_t count)
      : stream_(std::move(stream)), left_(static_cast<size_t>(count)) {}

  void start() {
    stream_->on_drained([self = shared_from_this()] { self->write_next(); });
    write_next();
  }

 private:
  void write_next() {
    size_t size = std::min(left_, piece);
    left_ -= size;
    stream_->write(std::string(size, 'x'));
    if (left_ == 0) stream_->finish();
  }

  static constexpr size_t piece = size_t{64} * 1024;
  std::shared_ptr<base::http::ResponseStream> stream_;
  size_t left_;
};

}  // namespace

Response HttpService::answer(const Request& request, int status) const {
  Response response;
  response.status = status;
  // These two have no body (RFC 9110, 15.3.5 and 15.4.5).
  if (status == 204 || status == 304) {
    response.content_type.clear();
    return response;
  }
  boost::json::object object = describe(identity_, request.peer, request.local, "http");
  object["method"] = request.method;
  object["path"] = printable(request.path);
  if (!request.query.empty()) object["query"] = printable(request.target.substr(request.target.find('?') + 1));
  object["headers"] = headers_of(request);
  response.body = to_line(object);
  return response;
}

void HttpService::answer_later(const std::shared_ptr<Exchange>& exchange, int64_t milliseconds) const {
  auto timer = std::make_shared<boost::asio::steady_timer>(loop_, std::chrono::milliseconds(milliseconds));
  timer->async_wait([timer, exchange, response = answer(exchange->request())](const boost::system::error_code&) {
    exchange->respond(response);
  });
}

void HttpService::handle(const std::shared_ptr<Exchange>& exchange) {
  const Request& request = exchange->request();
  std::vector<std::string> words = request.segments();
  if (words.size() == 1 && words[0] == "healthz") return exchange->respond(text(200, "ok"));
  if (words.size() != 2) return exchange->respond(answer(request));
  auto refuse = [&](const std::string& range) {
    exchange->respond(text(400, "/" + words[0] + "/ wants a number " + range + "\n"));
  };
  if (words[0] == "status") {
    auto code = number_between(words[1], 200, 599);
    return code ? exchange->respond(answer(request, static_cast<int>(*code))) : refuse("from 200 to 599");
  }
  if (words[0] == "delay") {
    auto delay = number_between(words[1], 0, longest_delay_ms);
    return delay ? answer_later(exchange, *delay) : refuse("of milliseconds up to " + std::to_string(longest_delay_ms));
  }
  if (words[0] == "bytes") {
    auto count = number_between(words[1], 0, most_bytes);
    if (!count) return refuse("up to " + std::to_string(most_bytes));
    return std::make_shared<Bytes>(exchange->stream({200, {}, "application/octet-stream", {}}), *count)->start();
  }
  exchange->respond(answer(request));
}

}  // namespace echo
