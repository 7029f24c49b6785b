#include "labctl/scenario/probing.h"

#include <boost/json.hpp>

#include "labctl/plan/plan.h"
#include "lib/base/error.h"
#include "lib/kube/objects.h"

namespace scenario {
namespace {

// What the probe takes beside its requests: to be started, to look up a name, to be heard.
constexpr std::chrono::seconds margin{20};

ProbeAnswer parse_answer(const boost::json::object& object) {
  ProbeAnswer answer;
  answer.ok = kube::flag_at(object, "ok");
  answer.failure = kube::text_at(object, "failure");
  answer.words = kube::text_at(object, "words");
  answer.status = static_cast<unsigned>(kube::number_at(object, "status"));
  answer.body = kube::text_at(object, "body");
  answer.truncated = kube::flag_at(object, "truncated");
  answer.local = kube::text_at(object, "local");
  answer.remote = kube::text_at(object, "remote");
  const boost::json::value* milliseconds = object.if_contains("milliseconds");
  if (milliseconds != nullptr && milliseconds->is_number()) answer.milliseconds = milliseconds->to_number<double>();
  return answer;
}

}  // namespace

std::vector<ProbeAnswer> parse_probe_document(const std::string& text) {
  boost::system::error_code failure;
  boost::json::value document = boost::json::parse(text, failure);
  std::vector<ProbeAnswer> answers;
  if (!failure && document.is_object()) {
    for (const boost::json::value& request : kube::array_at(document.as_object(), "requests")) {
      if (request.is_object()) answers.push_back(parse_answer(request.as_object()));
    }
  }
  if (answers.empty()) throw base::Error("probe printed what cannot be read: " + text.substr(0, 200));
  return answers;
}

std::vector<ProbeAnswer> probe(LabAccess& access, const std::string& place, const ProbeRequest& request) {
  lab::Command command;
  command.node = place;
  command.arguments = {
      std::string(plan::libexec_folder) + "/probe", "--requests",   std::to_string(request.requests),  "--timeout",
      std::to_string(request.timeout.count()),      "--body-limit", std::to_string(request.body_limit)};
  if (!request.until.empty()) command.arguments.insert(command.arguments.end(), {"--until", request.until});
  if (request.read_line) command.arguments.emplace_back("--read-line");
  if (!request.record_type.empty()) command.arguments.insert(command.arguments.end(), {"--type", request.record_type});
  if (!request.server.empty()) command.arguments.insert(command.arguments.end(), {"--server", request.server});
  command.arguments.insert(command.arguments.end(), {request.protocol, request.target});
  command.timeout = request.requests * request.timeout + margin;
  return parse_probe_document(run_checked(access, command));
}

}  // namespace scenario
