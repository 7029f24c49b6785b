#include "agents/proxy/healthz.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "lib/base/error.h"

namespace proxy {
namespace {

std::string text_of(std::chrono::system_clock::time_point time) {
  return fmt::format("{:%Y-%m-%d %H:%M:%S} +0000 UTC", fmt::gmtime(std::chrono::system_clock::to_time_t(time)));
}

}  // namespace

Healthz::Healthz(boost::asio::io_context& loop, const std::string& address, std::chrono::milliseconds sync_period,
                 std::ostream& log)
    : sync_period_(sync_period) {
  if (address.empty()) return;
  server_ = std::make_unique<base::http::Server>(loop, [this](std::shared_ptr<base::http::Exchange> exchange) {
    const std::string& path = exchange->request().path;
    bool known = path == "/healthz" || path == "/livez";
    exchange->respond(known ? response() : base::http::Response{404, "404 page not found\n", "text/plain", {}});
  });
  try {
    server_->listen(base::http::Endpoint::parse(address));
  } catch (const base::Error& error) {
    log << "proxy: healthz: " << error.what() << std::endl;
    server_.reset();
  }
}

void Healthz::programmed(std::uint64_t resource_version) {
  last_ = Clock::now();
  resource_version_ = resource_version;
}

base::http::Response Healthz::response() const {
  base::http::Response response;
  response.status = Clock::now() - last_ <= 2 * sync_period_ ? 200 : 503;
  response.headers.emplace("X-Content-Type-Options", "nosniff");
  response.body = fmt::format(R"({{"lastUpdated":"{}","currentTime":"{}","resourceVersion":"{}"}})", text_of(last_),
                              text_of(Clock::now()), resource_version_);
  return response;
}

}  // namespace proxy
