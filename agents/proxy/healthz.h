// How others see whether the proxy does its work: kube-proxy's --healthz-bind-address, GET /healthz and /livez.
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <ostream>
#include <string>

#include "lib/base/http.h"

namespace proxy {

class Healthz {
 public:
  // ADDRESS: "0.0.0.0:10256"; empty: nobody is told. Where it is taken, that is logged, and the proxy works without.
  Healthz(boost::asio::io_context& loop, const std::string& address, std::chrono::milliseconds sync_period,
          std::ostream& log);

  // The kernel holds what objects up to this resourceVersion say.
  void programmed(std::uint64_t resource_version);

  // 200 with when the kernel was last programmed or compared, and up to which resourceVersion (which kube-proxy does
  // not say); 503 where that has not succeeded for two periods, as kube-proxy has it.
  base::http::Response response() const;

 private:
  using Clock = std::chrono::system_clock;

  std::chrono::milliseconds sync_period_;
  Clock::time_point last_;  // the epoch: never
  std::uint64_t resource_version_ = 0;
  std::unique_ptr<base::http::Server> server_;
};

}  // namespace proxy
