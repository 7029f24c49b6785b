// What became of one request, and of all of them: the document that probe prints.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace probe {

enum class Failure { timeout, refused, reset, unreachable, nxdomain, nodata, servfail, other };
std::string to_string(Failure failure);

// Thrown where a request fails. What keeps the probe itself from running is a base::Error instead.
struct RequestFailed {
  Failure failure = Failure::other;
  std::string words;
  // By what the kernel said: ETIMEDOUT is a timeout, EHOSTUNREACH and ENETUNREACH mean unreachable, ….
  static RequestFailed system(const std::string& doing, int error_number);
};

struct Outcome {
  std::optional<Failure> failure;  // nothing: it succeeded
  std::string words;               // of the failure
  int status = 0;                  // HTTP
  std::string body;                // what was answered
  bool truncated = false;          // the body was longer
  std::string local, remote;       // "192.168.113.102:43210"; ping: without port; empty where it did not come so far
  double milliseconds = 0;
};

// {"protocol", "target", "requests": [{"ok", "failure", "words", "status", "body", "truncated", "local", "remote",
// "milliseconds"}]}, where what a request does not have is left out.
std::string to_json(const std::string& protocol, const std::string& target, const std::vector<Outcome>& outcomes);

// TEXT as a JSON string, quotes included; bytes that are not UTF-8 become U+FFFD.
std::string json_string(const std::string& text);

}  // namespace probe
