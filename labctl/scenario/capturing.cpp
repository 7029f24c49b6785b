#include "labctl/scenario/capturing.h"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "labctl/plan/plan.h"
#include "labctl/scenario/inspecting.h"
#include "labctl/scenario/look.h"
#include "lib/base/error.h"
#include "lib/kube/objects.h"

namespace scenario {
namespace {

lab::Command capture_command(const std::string& place, const std::string& verb) {
  lab::Command command;
  command.node = place;
  command.arguments = {std::string(plan::libexec_folder) + "/capture", verb, "--node", place};
  command.timeout = std::chrono::seconds(20);
  return command;
}

std::string lines_of(const boost::json::object& counted) {
  std::string lines;
  for (const std::string& line : kube::strings_at(counted, "lines")) lines += "\n" + line;
  return lines;
}

std::string seen(const boost::json::object& counted) {
  std::uint64_t packets = count_at(counted, "packets"), recorded = count_at(counted, "recorded");
  std::string text = fmt::format("{} of the {} captured packets match", packets, recorded);
  if (std::uint64_t lost = count_at(counted, "lost"); lost > 0) {
    text += fmt::format("; {} more were lost, as they came too fast", lost);
  }
  if (recorded == 0) return text;
  return text + (packets > 0 ? "; the last of them:" : "; the last of all:") + lines_of(counted);
}

}  // namespace

void start_capture(LabAccess& access, Resolver& resolver, const topology::Capture& capture) {
  lab::Command command = capture_command(resolver.place(capture.on.value), "record");
  if (capture.filter) {
    command.arguments.insert(command.arguments.end(), {"--filter", resolver.text(capture.filter->value)});
  }
  if (capture.link) command.arguments.push_back(capture.link->value);
  run_checked(access, command);
}

Look look(LabAccess& access, Resolver& resolver, const topology::CapturedPackets& expected) {
  lab::Command command = capture_command(resolver.place(expected.on.value), "count");
  command.arguments.insert(command.arguments.end(), {"--filter", resolver.text(expected.filter.value)});
  if (expected.link) command.arguments.push_back(expected.link->value);
  std::string text = run_checked(access, command);
  boost::system::error_code failure;
  boost::json::value counted = boost::json::parse(text, failure);
  if (failure || !counted.is_object()) throw base::Error("capture printed what cannot be read: " + text.substr(0, 200));
  std::uint64_t packets = count_at(counted.as_object(), "packets");
  std::uint64_t lost = count_at(counted.as_object(), "lost");
  // What was lost may have matched.
  if (expected.packets && lost > 0 && packets <= *expected.packets) {
    throw base::Error(
        fmt::format("it cannot be seen whether {} match: {}", *expected.packets, seen(counted.as_object())))
        .with_mend("give the capture step a filter or a link, so that less is recorded");
  }
  bool holds = expected.packets ? packets == *expected.packets : packets >= expected.at_least.value_or(1);
  return {holds, seen(counted.as_object())};
}

}  // namespace scenario
