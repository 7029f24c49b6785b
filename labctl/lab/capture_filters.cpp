#include "labctl/lab/capture_filters.h"

#include <regex>

#include "lib/packets/filter.h"

namespace lab {

void check_filters(const topology::Topology& topology) {
  topology::Faults faults;
  auto check = [&](const topology::Located<std::string>& filter) {
    if (filter.value.find("${") != std::string::npos) return;
    std::string refusal = packets::why_no_filter(filter.value);
    if (!refusal.empty()) faults.add(filter.at, refusal + " (pcap-filter(7) has the language)");
  };
  auto check_direction = [&](const topology::Located<std::string>& filter) {
    static const std::regex references("\\$\\{[^}]*\\}"), direction("\\b(inbound|outbound)\\b");
    std::string words = std::regex_replace(filter.value, references, "");
    std::smatch found;
    if (!std::regex_search(words, found, direction)) return;
    faults.add(filter.at, found.str() +
                              " is known only while a packet is captured, and not of a recorded one: say it "
                              "in the capture step's filter, or say src or dst host here");
  };
  for (const topology::Step& step : topology.scenario) {
    if (const auto* capture = std::get_if<topology::Capture>(&step.action); capture != nullptr && capture->filter) {
      check(*capture->filter);
    }
    const auto* expect = std::get_if<topology::Expect>(&step.action);
    const auto* captured = expect == nullptr ? nullptr : std::get_if<topology::CapturedPackets>(&expect->what);
    if (captured == nullptr) continue;
    check(captured->filter);
    check_direction(captured->filter);
  }
  if (!faults.empty()) throw topology::InvalidTopology(topology.path, faults.sorted());
}

}  // namespace lab
