#include "labctl/scenario/run_printer.h"

#include "labctl/scenario/report.h"
#include "lib/kube/objects.h"

namespace scenario {

void RunPrinter::show(const boost::json::object& event) {
  std::string what = kube::text_at(event, "event");
  if (what == "phase" || what == "step begins") under_way(kube::text_at(event, "what"));
  if (what == "up") {
    clear();
    out_ << up_text(parse_run_result(kube::object_at(event, "run"))) << std::flush;
  }
  if (what == "step ended") {
    clear();
    out_ << step_text(parse_step_result(kube::object_at(event, "step")), ++steps_) << std::flush;
  }
}

void RunPrinter::finish(const RunResult& run) {
  clear();
  out_ << end_text(run) << std::flush;
}

// ECMA-48: \x1b[K erases to the end of the line.
void RunPrinter::under_way(const std::string& what) {
  if (!on_terminal_) return;
  clear();
  std::string line = what.substr(0, what.find('\n'));
  if (line.size() > 70) line = line.substr(0, 70) + "…";
  out_ << "  …         " << line << std::flush;
  drawn_ = true;
}

void RunPrinter::clear() {
  if (drawn_) out_ << "\r\x1b[K" << std::flush;
  drawn_ = false;
}

}  // namespace scenario
