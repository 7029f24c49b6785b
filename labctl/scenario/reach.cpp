#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <map>
#include <set>

#include "labctl/scenario/look.h"
#include "labctl/scenario/probing.h"
#include "lib/base/error.h"
#include "lib/kube/objects.h"

namespace scenario {
namespace {

using topology::Failure;
using topology::Reach;

// What a server says of itself and its client; echo is one that does.
struct Introduction {
  std::string server, node, client;
};

std::optional<Introduction> introduction(const ProbeAnswer& answer) {
  boost::system::error_code failure;
  boost::json::value body = boost::json::parse(answer.body, failure);
  if (failure || !body.is_object()) return std::nullopt;
  const boost::json::object& object = body.as_object();
  return Introduction{kube::text_at(object, "server"), kube::text_at(object, "node"), kube::text_at(object, "client")};
}

std::string shortened(const std::string& text) {
  constexpr size_t most = 120;
  std::string line = text.substr(0, std::min(text.find('\n'), most));
  return line.size() < text.size() && line.size() == most ? line + "…" : line;
}

// "answered by rs1, seeing 192.168.113.101 (status 200, 1.2 ms)"
std::string describe(const ProbeAnswer& answer) {
  std::string time = fmt::format("{:.1f} ms", answer.milliseconds);
  if (!answer.ok) {
    std::string how = answer.failure == "other" ? "failed" : answer.failure == "timeout" ? "timed out" : answer.failure;
    std::string way = answer.remote.empty() ? "" : fmt::format("{} to {}: ", answer.local, answer.remote);
    return fmt::format("{} after {} ({}{})", how, time, way, answer.words);
  }
  std::string status = answer.status != 0 ? fmt::format("status {}, ", answer.status) : "";
  std::optional<Introduction> server = introduction(answer);
  if (server && !server->server.empty()) {
    return fmt::format("answered by {}, seeing {} ({}{})", server->server, server->client, status, time);
  }
  if (answer.body.empty()) return fmt::format("succeeded ({}{})", status, time);
  return fmt::format("answered \"{}\" ({}{})", shortened(answer.body), status, time);
}

// "6 requests: 4 answered by rs1, 2 by rs2; the last: …"
std::string describe(const std::vector<ProbeAnswer>& answers) {
  if (answers.size() == 1) return describe(answers.front());
  std::map<std::string, unsigned> ends;
  for (const ProbeAnswer& answer : answers) {
    std::optional<Introduction> server = answer.ok ? introduction(answer) : std::nullopt;
    ++ends[!answer.ok           ? answer.failure
           : server.has_value() ? fmt::format("answered by {} seeing {}", server->server, server->client)
                                : "succeeded"];
  }
  std::vector<std::string> counted;
  for (const auto& [end, count] : ends) counted.push_back(fmt::format("{} {}", count, end));
  return fmt::format("{} requests: {}; the last {}", answers.size(), fmt::join(counted, ", "),
                     describe(answers.back()));
}

bool failed_as_expected(const ProbeAnswer& answer, Failure failure) {
  return !answer.ok && (failure == Failure::any || answer.failure == to_string(failure));
}

// The first thing that is not as it should be; empty where all is.
class Judge {
 public:
  Judge(Resolver& resolver, const Reach& reach, const std::vector<ProbeAnswer>& answers)
      : resolver_(resolver), reach_(reach), answers_(answers) {}

  std::string objection() {
    for (size_t i = 0; i < answers_.size(); ++i) {
      std::string words = objection(answers_[i]);
      if (!words.empty()) return answers_.size() == 1 ? words : fmt::format("request {}: {}", i + 1, words);
    }
    std::string words = compare("servers", resolver_.texts(reach_.answered_by), names(servers_));
    if (words.empty()) words = compare("servers on", resolver_.texts(names(reach_.answered_on)), nodes_);
    return words.empty() ? objection_to_counts() : words;
  }

 private:
  std::string objection(const ProbeAnswer& answer) {
    if (!answer.ok) return describe(answer);
    bool good = reach_.status ? answer.status == *reach_.status : answer.status < 400;
    if (!good) return fmt::format("status {}: \"{}\"", answer.status, shortened(answer.body));
    if (reach_.body && answer.body.find(resolver_.text(*reach_.body)) == std::string::npos) {
      return fmt::format("the answer lacks \"{}\"{}: \"{}\"", resolver_.text(*reach_.body),
                         answer.truncated ? " in its first 64 KiB" : "", shortened(answer.body));
    }
    if (reach_.answered_by.empty() && reach_.answered_on.empty() && reach_.answers.empty() && !reach_.sees) {
      return {};
    }
    return objection_to_server(answer);
  }

  std::string objection_to_server(const ProbeAnswer& answer) {
    std::optional<Introduction> server = introduction(answer);
    if (!server) return fmt::format("the answer does not say who answered: \"{}\"", shortened(answer.body));
    ++servers_[server->server];
    nodes_.insert(server->node);
    if (!reach_.sees || server->client == resolver_.text(*reach_.sees)) return {};
    return fmt::format("{} sees {}, not {}", server->server, server->client, resolver_.text(*reach_.sees));
  }

  static std::vector<std::string> names(const std::vector<topology::Located<std::string>>& located) {
    std::vector<std::string> names;
    for (const auto& it : located) names.push_back(it.value);
    return names;
  }

  static std::set<std::string> names(const std::map<std::string, std::uint64_t>& counted) {
    std::set<std::string> names;
    for (const auto& [name, count] : counted) names.insert(name);
    return names;
  }

  // How the answers were distributed, where that is not as it should be.
  std::string objection_to_counts() {
    if (reach_.answers.empty()) return {};
    std::map<std::string, topology::Range> wanted;
    for (const auto& [server, count] : reach_.answers) wanted[resolver_.text(server)] = count;
    bool good =
        std::all_of(servers_.begin(), servers_.end(), [&](const auto& it) { return wanted.count(it.first) != 0; });
    for (const auto& [server, range] : wanted) {
      auto found = servers_.find(server);
      std::uint64_t count = found == servers_.end() ? 0 : found->second;
      good = good && count >= range.least && count <= range.most;
    }
    if (good) return {};
    std::vector<std::string> counted;
    for (const auto& [server, count] : servers_) counted.push_back(fmt::format("{} by {}", count, server));
    return fmt::format("of {} requests were answered {}", answers_.size(), fmt::join(counted, ", "));
  }

  static std::string compare(const char* what, const std::vector<std::string>& wanted,
                             const std::set<std::string>& found) {
    std::set<std::string> exactly(wanted.begin(), wanted.end());
    if (wanted.empty() || exactly == found) return {};
    return fmt::format("{} {} answered, not exactly {}", what, fmt::join(found, ", "), fmt::join(exactly, ", "));
  }

  Resolver& resolver_;
  const Reach& reach_;
  const std::vector<ProbeAnswer>& answers_;
  std::map<std::string, std::uint64_t> servers_;
  std::set<std::string> nodes_;
};

}  // namespace

std::string to_string(Failure failure) {
  switch (failure) {
    case Failure::none:
      return "none";
    case Failure::any:
      return "any";
    case Failure::timeout:
      return "timeout";
    case Failure::refused:
      return "refused";
    case Failure::reset:
      return "reset";
    case Failure::unreachable:
      return "unreachable";
    case Failure::nxdomain:
      return "nxdomain";
    case Failure::nodata:
      return "nodata";
    case Failure::servfail:
      return "servfail";
  }
  return "";
}

topology::Duration request_timeout(const Reach& reach) {
  bool may_time_out = reach.fails == Failure::timeout || reach.fails == Failure::any;
  return reach.timeout.value_or(topology::Duration(may_time_out ? 2000 : 5000));
}

Look look(LabAccess& access, Resolver& resolver, const Reach& reach) {
  ProbeRequest request;
  request.protocol = reach.protocol;
  request.target = resolver.text(reach.target);
  request.requests = reach.requests;
  request.timeout = request_timeout(reach);
  request.until = reach.fails == Failure::none ? "failure" : "success";
  request.read_line =
      reach.body || !reach.answered_by.empty() || !reach.answered_on.empty() || !reach.answers.empty() || reach.sees;
  std::vector<ProbeAnswer> answers = probe(access, resolver.place(reach.from.value), request);
  if (reach.fails == Failure::none) {
    std::string objection = Judge(resolver, reach, answers).objection();
    return {objection.empty(), objection.empty() ? describe(answers) : objection};
  }
  auto other = std::find_if(answers.begin(), answers.end(),
                            [&](const ProbeAnswer& answer) { return !failed_as_expected(answer, reach.fails); });
  return {other == answers.end(), describe(other == answers.end() ? answers.front() : *other)};
}

}  // namespace scenario
