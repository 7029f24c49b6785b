// Requests made from inside a node by the program probe, and what became of them.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "labctl/scenario/access.h"

namespace scenario {

struct ProbeRequest {
  std::string protocol;  // "http", "tcp", "udp", "ping", "dns"
  std::string target;
  unsigned requests = 1;
  std::chrono::milliseconds timeout{5000};  // of one request
  std::string until;                        // "failure" or "success" ends it; empty: neither
  bool read_line = false;                   // tcp: wait for what the server says first
  std::size_t body_limit = 64 * 1024;
  std::string record_type, server;  // dns
};

struct ProbeAnswer {
  bool ok = false;
  std::string failure;  // "timeout", "refused", "reset", "unreachable", "nxdomain", "nodata", "servfail", "other"
  std::string words;    // the kernel's
  unsigned status = 0;
  std::string body;
  bool truncated = false;
  std::string local, remote;
  double milliseconds = 0;
};

// At least one. Throws where the probe itself could not run.
std::vector<ProbeAnswer> probe(LabAccess& access, const std::string& place, const ProbeRequest& request);

std::vector<ProbeAnswer> parse_probe_document(const std::string& text);

}  // namespace scenario
