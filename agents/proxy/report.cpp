#include "agents/proxy/report.h"

namespace proxy {

void ReportLog::write(const std::string& subject, const Report& report) {
  const std::string prefix = "proxy: " + subject + ": ";
  if (verbose_ || report.changes.size() <= told_one_by_one) {
    for (const std::string& change : report.changes) stream_ << prefix << change << "\n";
  } else {
    stream_ << prefix << report.changes.size() << " changes; --v=2 tells each\n";
  }
  std::set<std::string> failures(report.failures.begin(), report.failures.end());
  for (const std::string& failure : failures) {
    if (told_.count(failure) == 0) stream_ << prefix << "error: " << failure << "\n";
  }
  if (failures.empty() && !told_.empty()) stream_ << prefix << "no more errors\n";
  told_ = std::move(failures);
  stream_.flush();
}

}  // namespace proxy
