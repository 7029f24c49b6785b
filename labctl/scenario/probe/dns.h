// One question to a name server (RFC 1035), by UDP, and by TCP where the answer is too long for that. What is a name
// and how a record is written is libldns's.
#pragma once

#include <chrono>
#include <string>

#include "labctl/scenario/probe/outcome.h"

namespace probe {

struct Question {
  std::string name;    // a whole one: search lists are not used. Of a PTR also an address
  std::string type;    // "A"
  std::string server;  // "ADDRESS[:PORT]"; empty: the first of /etc/resolv.conf
};

// Succeeds where there are records of this type: they are the body, one a line, as zone files write their data. Throws
// base::Error where it is no question.
Outcome ask(const Question& question, std::chrono::milliseconds timeout);

}  // namespace probe
