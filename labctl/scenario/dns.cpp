// Looks at what a name server answers.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <set>
#include <sstream>

#include "labctl/scenario/look.h"
#include "labctl/scenario/probing.h"

namespace scenario {
namespace {

using topology::DnsAnswer;
using topology::Failure;

// As records are compared: names without regard to case and with or without the dot of the root, text with or without
// its quotes.
std::string compared(std::string record, const std::string& type) {
  if (type == "TXT") {
    std::erase(record, '"');
    return record;
  }
  if (record.ends_with('.')) record.pop_back();
  for (char& c : record) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return record;
}

std::multiset<std::string> compared(const std::vector<std::string>& records, const std::string& type) {
  std::multiset<std::string> all;
  for (const std::string& record : records) all.insert(compared(record, type));
  return all;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

std::string describe(const ProbeAnswer& answer) {
  std::string time = fmt::format("{:.1f} ms", answer.milliseconds);
  if (answer.ok) return fmt::format("answered {} ({})", fmt::join(lines_of(answer.body), ", "), time);
  std::string server = answer.remote.empty() ? "" : answer.remote + ": ";
  return fmt::format("{} after {} ({}{})", answer.failure == "other" ? "failed" : answer.failure, time, server,
                     answer.words);
}

}  // namespace

Look look(LabAccess& access, Resolver& resolver, const DnsAnswer& expected) {
  ProbeRequest request;
  request.protocol = "dns";
  request.target = resolver.text(expected.name);
  request.record_type = expected.type;
  if (expected.server) request.server = resolver.text(*expected.server);
  bool may_time_out = expected.fails == Failure::timeout || expected.fails == Failure::any;
  request.timeout = expected.timeout.value_or(topology::Duration(may_time_out ? 2000 : 5000));
  ProbeAnswer answer = probe(access, resolver.place(expected.from.value), request).front();
  if (expected.fails != Failure::none) {
    bool as_expected = expected.fails == Failure::any || answer.failure == to_string(expected.fails);
    return {!answer.ok && as_expected, describe(answer)};
  }
  if (!answer.ok) return {false, describe(answer)};
  std::multiset<std::string> records = compared(lines_of(answer.body), expected.type);
  bool holds = !expected.records || records == compared(resolver.texts(*expected.records), expected.type);
  for (const std::string& record : resolver.texts(expected.contains)) {
    holds = holds && records.count(compared(record, expected.type)) != 0;
  }
  return {holds, describe(answer)};
}

}  // namespace scenario
