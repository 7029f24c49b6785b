#include "labctl/scenario/texts.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <sstream>

#include "labctl/scenario/look.h"
#include "labctl/topology/injection.h"
#include "lib/base/error.h"
#include "lib/kube/objects.h"

namespace scenario {
namespace {

using namespace topology;

std::string requests_of(const Reach& reach) {
  return reach.requests == 1 ? "" : fmt::format(" ({} requests)", reach.requests);
}

std::string names(const std::vector<Located<std::string>>& located) {
  std::vector<std::string> names;
  for (const auto& it : located) names.push_back(it.value);
  return fmt::format("{}", fmt::join(names, ", "));
}

std::string first_line(const std::string& text) {
  std::size_t begin = std::min(text.find_first_not_of(" \n"), text.size());
  std::size_t end = text.find('\n', begin);
  std::string line = text.substr(begin, end - begin);
  bool all = end == std::string::npos || text.find_first_not_of(" \n", end) == std::string::npos;
  return all ? line : line + " …";
}

struct Words {
  std::string operator()(const Reach& reach) const {
    std::string text = fmt::format("{} {} {}{}", reach.from.value, verb(reach), reach.target, requests_of(reach));
    if (reach.fails == Failure::none || reach.fails == Failure::any) return text;
    return fmt::format("{}: {}", text, scenario::to_string(reach.fails));
  }
  static const char* verb(const Reach& reach) {
    bool reaches = reach.fails == Failure::none;
    if (reach.protocol == "ping") return reaches ? "pings" : "cannot ping";
    if (reach.protocol == "udp") return reaches ? "reaches by UDP" : "cannot reach by UDP";
    if (reach.protocol == "tcp") return reaches ? "reaches by TCP" : "cannot reach by TCP";
    return reaches ? "reaches" : "cannot reach";
  }
  std::string operator()(const CommandOutcome& outcome) const {
    std::string prints = outcome.prints ? fmt::format(" and prints /{}/", *outcome.prints) : "";
    return fmt::format("on {}, `{}` ends with exit code {}{}", outcome.on.value, outcome.command, outcome.exit, prints);
  }
  std::string operator()(const IpvsTable& table) const {
    std::string text = fmt::format("on {}, IPVS has the virtual service {}", table.on.value, table.service);
    if (table.servers) text += fmt::format(" with exactly the servers {}", fmt::join(*table.servers, ", "));
    if (table.count) text += fmt::format(" with {} servers", *table.count);
    return text;
  }
  std::string operator()(const IpsetMembers& set) const {
    return fmt::format("on {}, IP set {} has {}", set.on.value, set.set,
                       set.contains.empty() ? "been made" : fmt::format("{}", fmt::join(set.contains, ", ")));
  }
  std::string operator()(const ConntrackEntry& entry) const {
    std::string fields = fmt::format("{}", fmt::join(entry.fields, " "));
    if (entry.count == 0u) return fmt::format("on {}, no connection is tracked as {}", entry.on.value, fields);
    if (entry.count)
      return fmt::format("on {}, {} connections are tracked as {}", entry.on.value, *entry.count, fields);
    if (!entry.at_least) return fmt::format("on {}, a connection is tracked as {}", entry.on.value, fields);
    return fmt::format("on {}, {} connections at least are tracked as {}", entry.on.value, *entry.at_least, fields);
  }
  std::string operator()(const ProcessStatus& status) const {
    std::string text = status.process.value;
    if (status.state) text += " is " + *status.state;
    if (!status.restarts) return text;
    return text + fmt::format("{} was restarted {} times at least", status.state ? " and" : "", *status.restarts);
  }
  std::string operator()(const DnsAnswer& answer) const {
    std::string server = answer.server ? " " + *answer.server : "";
    std::string text = fmt::format("{} asks{} for {} {}", answer.from.value, server, answer.type, answer.name);
    if (answer.fails != Failure::none) return fmt::format("{}: {}", text, scenario::to_string(answer.fails));
    if (answer.records) text += fmt::format(": exactly {}", fmt::join(*answer.records, ", "));
    if (!answer.contains.empty()) text += fmt::format(": {} among others", fmt::join(answer.contains, ", "));
    return text;
  }
  std::string operator()(const RuleCounter& rule) const {
    std::string text = fmt::format("on {}, a rule of table {} has \"{}\"", rule.on.value, rule.table, rule.rule);
    if (rule.packets) text += fmt::format(" and has counted {} packets", *rule.packets);
    if (rule.at_least) text += fmt::format(" and has counted {} packets at least", *rule.at_least);
    return text;
  }
  static std::string at(const std::string& node, const std::optional<std::string>& link) {
    return link ? node + ":" + *link : node;
  }
  static std::string how_many(const std::optional<unsigned>& count, const char* noun) {
    if (!count) return fmt::format("a {}", noun);
    return *count == 0 ? fmt::format("no {}", noun) : fmt::format("{} {}{}", *count, noun, *count == 1 ? "" : "s");
  }
  std::string operator()(const CapturedPackets& packets) const {
    std::string count = packets.packets    ? std::to_string(*packets.packets)
                        : packets.at_least ? fmt::format("at least {}", *packets.at_least)
                                           : "at least 1";
    std::optional<std::string> link = packets.link ? std::optional(packets.link->value) : std::nullopt;
    return fmt::format("on {}, {} captured packets match \"{}\"", at(packets.on.value, link),
                       packets.packets == 0 ? "no" : count, packets.filter.value);
  }
  std::string operator()(const RouteEntry& route) const {
    return fmt::format("on {}, there is {} \"{}\"", route.on.value, how_many(route.count, "route"),
                       fmt::join(route.words, " "));
  }
  std::string operator()(const NeighbourEntry& neighbour) const {
    std::string text = fmt::format("on {}, there is {} {}", at(neighbour.on.value, neighbour.link),
                                   how_many(neighbour.count, "neighbour"), neighbour.address);
    if (neighbour.mac) text += " with the MAC address " + *neighbour.mac;
    if (neighbour.state) text += " in the state " + *neighbour.state;
    return text;
  }
  std::string operator()(const ForwardingEntry& entry) const {
    return fmt::format("on {}, there is {} for {}{}", at(entry.on.value, entry.link),
                       how_many(entry.count, "forwarding entry"), entry.mac,
                       entry.destination ? " to " + *entry.destination : "");
  }
  std::string operator()(const LinkState& link) const {
    if (link.count == 0u) return fmt::format("on {}, there is no link {}", link.on.value, link.link);
    std::vector<std::string> what;
    if (link.up) what.push_back(*link.up ? "up" : "not up");
    if (link.state) what.push_back("in the state " + *link.state);
    if (link.kind) what.push_back("of the kind " + *link.kind);
    if (link.mtu) what.push_back(fmt::format("with MTU {}", *link.mtu));
    if (link.mac) what.push_back("with the MAC address " + *link.mac);
    if (link.master) what.push_back("a port of " + *link.master);
    return fmt::format("on {}, link {} is {}", link.on.value, link.link,
                       what.empty() ? "there" : fmt::format("{}", fmt::join(what, ", ")));
  }
  std::string operator()(const Expect& expect) const { return std::visit(*this, expect.what) + period_words(expect); }
  std::string operator()(const Do& command) const {
    return fmt::format("on {}: {}", command.on.value, first_line(command.command));
  }
  std::string operator()(const Kubectl& kubectl) const { return "kubectl " + kubectl.arguments; }
  std::string operator()(const Apply& apply) const {
    boost::json::object object = boost::json::parse(apply.object).as_object();
    return fmt::format("apply {} {}", kube::text_at(object, "kind"), kube::text_at(object, "metadata.name"));
  }
  std::string operator()(const Inject& fault) const { return "fault: " + topology::describe(fault.what); }
  std::string operator()(const Heal& heal) const {
    return heal.what ? "healed: " + topology::describe(*heal.what) : "all faults are healed";
  }
  std::string operator()(const Wait& wait) const { return "wait " + in_words(wait.time); }
  std::string operator()(const Capture& capture) const {
    std::optional<std::string> link = capture.link ? std::optional(capture.link->value) : std::nullopt;
    return fmt::format("capture on {}{}", at(capture.on.value, link),
                       capture.filter ? ": " + capture.filter->value : "");
  }
};

std::string answer_wanted(const Reach& reach) {
  std::string text;
  if (reach.status) text += fmt::format(", status {}", *reach.status);
  if (reach.body) text += fmt::format(", \"{}\" in the answer", *reach.body);
  if (!reach.answered_by.empty()) text += fmt::format(", answered by exactly {}", fmt::join(reach.answered_by, ", "));
  if (!reach.answered_on.empty()) text += fmt::format(", answered on exactly {}", names(reach.answered_on));
  std::vector<std::string> counts;
  for (const auto& [server, count] : reach.answers) {
    counts.push_back(count.least == count.most ? fmt::format("{} by {}", count.least, server)
                                               : fmt::format("{} to {} by {}", count.least, count.most, server));
  }
  if (!counts.empty()) text += fmt::format(", answered {}", fmt::join(counts, ", "));
  if (reach.sees) text += fmt::format(", every server sees {}", *reach.sees);
  return text;
}

}  // namespace

std::string expected(const Expectation& expectation) {
  std::string text = std::visit(Words(), expectation);
  if (const auto* reach = std::get_if<Reach>(&expectation)) text += answer_wanted(*reach);
  return text;
}

std::string period_words(const Expect& expect) {
  if (expect.always) return ", always, for " + in_words(*expect.always);
  if (expect.never) return ", never, for " + in_words(*expect.never);
  return expect.within ? ", within " + in_words(*expect.within) : "";
}

std::string describe(const Step& step) {
  return step.name.empty() ? std::visit(Words(), step.action) : step.name;
}

std::string describe(const lab::CommandResult& result) {
  std::string text = result.timed_out ? fmt::format("it took longer than {} s and was ended", command_patience.count())
                                      : fmt::format("exit code {}", result.exit_code);
  std::string output = last_lines(result.output, 20), error_output = last_lines(result.error_output, 20);
  if (!output.empty()) text += "\n" + output;
  if (!error_output.empty()) text += "\n" + error_output;
  return text;
}

std::vector<std::string> split_at_spaces(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

std::vector<std::string> split_command_line(const std::string& text) {
  std::vector<std::string> words;
  bool in_word = false;
  char quote = '\0';
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    bool space = quote == '\0' && (c == ' ' || c == '\t' || c == '\n');
    if (space || !in_word) {
      in_word = !space;
      if (space) continue;
      words.emplace_back();
    }
    if (c == quote) {
      quote = '\0';
    } else if (quote == '\0' && (c == '"' || c == '\'')) {
      quote = c;
    } else if (c == '\\' && quote != '\'' && i + 1 < text.size()) {
      words.back() += text[++i];
    } else {
      words.back() += c;
    }
  }
  if (quote != '\0') throw base::Error(fmt::format("command line {}: a quote is not closed", text));
  return words;
}

bool has_words_in_order(const std::string& line, const std::vector<std::string>& words) {
  size_t next = 0;
  for (const std::string& word : split_at_spaces(line)) {
    if (next < words.size() && word == words[next]) ++next;
  }
  return next == words.size();
}

std::string one_per_line(const std::vector<std::string>& lines) {
  constexpr size_t most_lines = 20;
  std::string text;
  for (size_t i = 0; i < lines.size() && i < most_lines; ++i) text += "\n" + lines[i];
  if (lines.size() > most_lines) text += fmt::format("\n… and {} more", lines.size() - most_lines);
  return text;
}

std::string last_lines(const std::string& text, std::size_t count) {
  size_t end = text.find_last_not_of("\n ");
  if (end == std::string::npos) return {};
  size_t begin = end;
  for (; count > 0 && begin != std::string::npos; --count)
    begin = begin == 0 ? std::string::npos : text.rfind('\n', begin - 1);
  return text.substr(begin == std::string::npos ? 0 : begin + 1,
                     end - (begin == std::string::npos ? 0 : begin + 1) + 1);
}

std::string indented(const std::string& text, const std::string& prefix) {
  std::istringstream stream(text);
  std::string result;
  for (std::string line; std::getline(stream, line);) result += (result.empty() ? "" : "\n") + prefix + line;
  return result;
}

std::string in_words(std::chrono::milliseconds time) {
  if (time.count() < 1000) return fmt::format("{} ms", time.count());
  return fmt::format("{:.1f} s", static_cast<double>(time.count()) / 1000);
}

}  // namespace scenario
