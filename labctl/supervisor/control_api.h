// The lab's control API (docs/control-api.md).
#pragma once

#include "labctl/supervisor/answers.h"
#include "labctl/supervisor/lab.h"
#include "lib/base/http.h"

namespace supervisor {

class ControlApi {
 public:
  // LISTENER: a listening unix socket, taken over.
  ControlApi(Lab& lab, int listener);

 private:
  using Segments = std::vector<std::string>;
  void handle(const ExchangePointer& exchange);
  void handle_lab(const ExchangePointer& exchange);
  void handle_nodes(const ExchangePointer& exchange, const Segments& segments);
  void handle_processes(const ExchangePointer& exchange, const Segments& segments);
  void handle_pods(const ExchangePointer& exchange, const Segments& segments);
  void handle_faults(const ExchangePointer& exchange, const Segments& segments);
  void handle_apply(const ExchangePointer& exchange);
  void handle_events(const ExchangePointer& exchange);
  void handle_exec(const ExchangePointer& exchange);
  void handle_forward(const ExchangePointer& exchange);

  Lab& lab_;
  base::http::Server server_;
};

}  // namespace supervisor
