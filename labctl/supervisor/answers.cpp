#include "labctl/supervisor/answers.h"

#include <boost/json.hpp>

#include "lib/base/utf8.h"

namespace supervisor {

constexpr size_t largest_backlog = 4 << 20;

std::string line_of(const boost::json::value& value) {
  return base::valid_utf8(boost::json::serialize(value)) + "\n";
}

void answer(base::http::Exchange& exchange, const boost::json::value& body, int status) {
  base::http::Response response;
  response.status = status;
  response.body = line_of(body);
  exchange.respond(std::move(response));
}

void refuse(base::http::Exchange& exchange, int status, const std::string& why) {
  answer(exchange, boost::json::object{{"error", why}}, status);
}

void answer_errors(const ExchangePointer& exchange, const std::function<void()>& route) {
  try {
    route();
  } catch (const base::Error& error) {
    refuse(*exchange, 409, error.what());
  } catch (const std::exception& error) {
    refuse(*exchange, 400, error.what());
  }
}

boost::json::object body_of(const base::http::Request& request) {
  if (request.body.empty()) return {};
  return boost::json::parse(request.body).as_object();
}

bool wants_follow(const base::http::Request& request) {
  std::string follow = request.parameter("follow");
  return follow == "1" || follow == "true";
}

void write_bounded(base::http::ResponseStream& stream, std::string data) {
  if (stream.backlog() > largest_backlog) return stream.abort();
  stream.write(std::move(data));
}

void answer_log(const ExchangePointer& exchange, const std::shared_ptr<OutputLog>& log) {
  base::http::Response response;
  response.content_type = "text/plain; charset=utf-8";
  response.body = log->text();
  if (!wants_follow(exchange->request())) return exchange->respond(std::move(response));
  std::shared_ptr<base::http::ResponseStream> stream = exchange->stream(std::move(response));
  std::uint64_t follower = log->follow([stream](std::string_view text) { write_bounded(*stream, std::string(text)); });
  stream->on_closed([log, follower] { log->unfollow(follower); });
}

}  // namespace supervisor
