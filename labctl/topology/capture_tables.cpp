#include "labctl/topology/tables.h"
#include "labctl/topology/values.h"

namespace topology {
namespace {

// "rs1:lan", or "rs1"
bool short_form(const yaml::Node& node, Capture& capture, Faults& faults) {
  std::string text;
  if (!word_type("a capture (rs1:lan, or a mapping)").decode(node, text, faults)) return false;
  std::size_t colon = text.find(':');
  capture.on = {text.substr(0, colon), node.at};
  if (colon != std::string::npos) capture.link = Located<std::string>{text.substr(colon + 1), node.at};
  if (!capture.on.value.empty() && (!capture.link || !capture.link->value.empty())) return true;
  return faults.add(node.at, fmt::format("\"{}\" is neither NODE nor NODE:LINK", text)), false;
}

}  // namespace

Type<Capture> capture_type() {
  ObjectKind<Capture> kind{"capture",
                           "Records packets on a node's links, from this step on. A later one of the same link begins "
                           "anew.",
                           "{on: rs1, link: lan}"};
  kind.fields = {
      required(
          field<Capture>("on", &Capture::on, located(word_type("the name of a node")), "The node (or pod).", "rs1")),
      field<Capture>("link", &Capture::link, optional(located(word_type("the name of a link"))),
                     "The link; all but lo where it is left out.", "lan"),
      field<Capture>("filter", &Capture::filter, optional(located(word_type("a filter expression"))),
                     "Only packets that match this expression of libpcap (pcap-filter(7)).", "tcp port 8080")};
  kind.short_form = short_form;
  kind.short_doc = "`NODE:LINK`, or `NODE`.";
  kind.short_schema = {{"type", "string"}};
  return object_type(std::move(kind));
}

}  // namespace topology
