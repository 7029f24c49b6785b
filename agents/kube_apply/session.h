// A conversation with an API server for a command-line tool: blocking, and patient while the server is not up yet.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/json/value.hpp>
#include <chrono>
#include <functional>
#include <map>
#include <string>

#include "lib/kube/client.h"

namespace kube_apply {

using Clock = std::chrono::steady_clock;

class Session {
 public:
  // Everything ends at DEADLINE.
  Session(const std::string& api_url, Clock::time_point deadline);

  Clock::time_point deadline() const { return deadline_; }

  // Until the server says that it is ready; throws base::Error at the deadline.
  void wait_until_ready();

  // Tries again, until the deadline, while the server cannot be reached; a refusal is the caller's.
  kube::Reply call(const std::string& method, const std::string& path, const boost::json::value* body = nullptr,
                   const std::string& content_type = {});

  // By the server's own discovery. Throws base::Error for a kind that it does not have.
  const kube::Resource& resource_of(const std::string& api_version, const std::string& kind);

  // False where the deadline leaves no time for it.
  bool sleep(std::chrono::milliseconds duration);

 private:
  kube::Reply call_once(const std::string& method, const std::string& path, const boost::json::value* body,
                        const std::string& content_type);

  boost::asio::io_context loop_;
  kube::Client client_;
  Clock::time_point deadline_;
  std::map<std::string, kube::Resource> resources_;  // by "apiVersion/kind"
};

}  // namespace kube_apply
