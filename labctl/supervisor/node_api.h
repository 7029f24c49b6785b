// The API that a node's nodelet has pods made by (docs/node-api.md). It knows the pods of its own node alone.
#pragma once

#include <string>
#include <vector>

#include "labctl/supervisor/answers.h"
#include "labctl/supervisor/lab.h"
#include "lib/base/http.h"

namespace supervisor {

class NodeApi {
 public:
  NodeApi(Lab& lab, std::string node, const std::string& socket);

 private:
  using Segments = std::vector<std::string>;
  void handle(const ExchangePointer& exchange);
  void handle_pod(const ExchangePointer& exchange, const Segments& segments);
  void handle_container(const ExchangePointer& exchange, Pod& pod, const Segments& segments);
  void handle_exec(const ExchangePointer& exchange, Pod& pod);
  void follow_events(const ExchangePointer& exchange);

  Lab& lab_;
  std::string node_;
  base::http::Server server_;
};

}  // namespace supervisor
