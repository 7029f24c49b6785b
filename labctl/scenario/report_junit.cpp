#include <fmt/format.h>

#include <ctime>

#include "labctl/scenario/report.h"

namespace scenario {
namespace {

std::string attribute(const char* name, const std::string& value) {
  return fmt::format(" {}=\"{}\"", name, xml_escaped(value));
}

std::string seconds(Duration time) {
  return fmt::format("{:.3f}", static_cast<double>(time.count()) / 1000);
}

std::string first_line(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

std::string explanation(const StepResult& step) {
  std::string text;
  if (!step.expected.empty()) text += "expected: " + step.expected + "\n";
  text += "seen: " + step.seen + "\n";
  for (const Evidence& it : step.evidence) text += "\n" + it.title + ":\n" + it.text + "\n";
  return text;
}

// Counts, and the test cases' text, of one run.
class Suite {
 public:
  explicit Suite(const RunResult& run) : run_(run) {}

  std::string text(const std::string& labctl_version) {
    add_bring_up();
    for (size_t i = 0; i < run_.steps.size(); ++i) add_step(run_.steps[i], i + 1);
    std::string head =
        "  <testsuite" + attribute("name", name()) + attribute("file", run_.path) +
        fmt::format(" tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\"", tests, failures, errors, skipped) +
        attribute("time", seconds(run_.took)) + ">\n";
    return head + properties(labctl_version) + cases_ + "  </testsuite>\n";
  }

  size_t tests = 0, failures = 0, errors = 0, skipped = 0;

 private:
  std::string name() const {
    std::string name = run_.topology.empty() ? run_.path : run_.topology;
    return run_.repetition > 1 ? fmt::format("{} #{}", name, run_.repetition) : name;
  }

  std::string properties(const std::string& labctl_version) const {
    std::vector<std::pair<std::string, std::string>> values{{"labctl.version", labctl_version},
                                                            {"kernel.provider", run_.provider},
                                                            {"kernel.version", run_.kernel_version},
                                                            {"kernel.reason", run_.reason},
                                                            {"lab", run_.lab},
                                                            {"folder", run_.folder}};
    for (const auto& [tool, version] : run_.tools) values.emplace_back(tool + ".version", version);
    std::string text = "    <properties>\n";
    for (const auto& [key, value] : values) {
      if (!value.empty()) text += "      <property" + attribute("name", key) + attribute("value", value) + "/>\n";
    }
    return text + "    </properties>\n";
  }

  void add(const std::string& what, Duration took, const std::string& inner) {
    ++tests;
    cases_ +=
        "    <testcase" + attribute("classname", name()) + attribute("name", what) + attribute("time", seconds(took));
    cases_ += inner.empty() ? "/>\n" : ">\n" + inner + "    </testcase>\n";
  }

  static std::string element(const char* name, const std::string& message, const std::string& text) {
    return fmt::format("      <{0}{1}>{2}</{0}>\n", name, attribute("message", message), xml_escaped(text));
  }

  void add_bring_up() {
    if (run_.came_up) return add("comes up", run_.bring_up, "");
    switch (run_.outcome) {
      case RunResult::Outcome::invalid:
        ++errors;
        return add("is valid", run_.took, element("error", run_.why, run_.why));
      case RunResult::Outcome::could_not_run:
        ++skipped;
        return add("comes up", run_.took, element("skipped", "could not run: " + run_.why, run_.why));
      default:
        ++failures;
        return add("comes up", run_.took, element("failure", run_.why, run_.why));
    }
  }

  void add_step(const StepResult& step, size_t number) {
    std::string what = fmt::format("{}. {}", number, step.what);
    switch (step.outcome) {
      case StepResult::Outcome::passed:
        return add(what, step.took, "");
      case StepResult::Outcome::failed:
        ++failures;
        return add(what, step.took, element("failure", first_line(step.seen), explanation(step)));
      case StepResult::Outcome::not_run:
        ++skipped;
        return add(what, step.took, element("skipped", "not run: an earlier step failed", ""));
    }
  }

  const RunResult& run_;
  std::string cases_;
};

// The length of the sequence of TEXT at AT that XML may carry (UTF-8, and the production Char of XML 1.0); 0 for none.
size_t character_length(const std::string& text, size_t at) {
  auto byte = [&](size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  unsigned first = byte(at);
  if (first < 0x80) return first >= 0x20 || first == '\n' || first == '\t' ? 1 : 0;
  size_t length = first >= 0xc2 && first <= 0xdf   ? 2
                  : first >= 0xe0 && first <= 0xef ? 3
                  : first >= 0xf0 && first <= 0xf4 ? 4
                                                   : 0;
  unsigned code = length == 2 ? first & 0x1f : length == 3 ? first & 0x0f : first & 0x07;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(at + i) & 0xc0) != 0x80) return 0;
    code = code << 6 | (byte(at + i) & 0x3f);
  }
  bool too_long = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
  bool forbidden = (code >= 0xd800 && code <= 0xdfff) || code == 0xfffe || code == 0xffff || code > 0x10ffff;
  return too_long || forbidden ? 0 : length;
}

}  // namespace

std::string xml_escaped(const std::string& text) {
  std::string result;
  for (size_t at = 0; at < text.size();) {
    size_t length = character_length(text, at);
    if (length != 1) {
      result += length == 0 ? "\xEF\xBF\xBD" : text.substr(at, length);
    } else if (text[at] == '&') {
      result += "&amp;";
    } else if (text[at] == '<') {
      result += "&lt;";
    } else if (text[at] == '>') {
      result += "&gt;";
    } else if (text[at] == '"') {
      result += "&quot;";
    } else if (text[at] == '\n') {
      result += "&#10;";  // in an attribute a bare one would be read as a space
    } else {
      result += text[at];
    }
    at += length == 0 ? 1 : length;
  }
  return result;
}

std::string junit_xml(const std::vector<RunResult>& runs, Duration took, const std::string& labctl_version) {
  std::string suites;
  size_t tests = 0, failures = 0, errors = 0, skipped = 0;
  for (const RunResult& run : runs) {
    Suite suite(run);
    suites += suite.text(labctl_version);
    tests += suite.tests, failures += suite.failures, errors += suite.errors, skipped += suite.skipped;
  }
  return fmt::format(
             "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
             "<testsuites name=\"labctl\" tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\" time=\"{}\">\n",
             tests, failures, errors, skipped, seconds(took)) +
         suites + "</testsuites>\n";
}

}  // namespace scenario
