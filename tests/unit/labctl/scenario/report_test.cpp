#include "labctl/scenario/report.h"

#include <gmock/gmock.h>

#include <boost/json.hpp>
#include <map>

#include "lib/base/run.h"

namespace scenario {
namespace {

using testing::HasSubstr;

StepResult step(const std::string& what, StepResult::Outcome outcome) {
  StepResult result;
  result.what = what;
  result.outcome = outcome;
  result.took = Duration(1500);
  return result;
}

RunResult failed_run() {
  RunResult run;
  run.path = "topologies/a&b.yaml";
  run.topology = "ab";
  run.lab = "ab-1-1";
  run.outcome = RunResult::Outcome::failed;
  run.why = "step 2: <two>";
  run.provider = "uml";
  run.kernel_version = "user-mode Linux 6.1";
  run.tools = {{"iproute2", "6.1.0"}};
  run.reason = "the host's kernel lacks \"ipvs\"";
  run.bring_up = Duration(900);
  run.took = Duration(12345);
  run.came_up = true;
  run.folder = "/tmp/x";
  run.steps = {step("one", StepResult::Outcome::passed), step("<two> & \"more\"", StepResult::Outcome::failed),
               step("three", StepResult::Outcome::not_run)};
  run.steps[1].expected = "a < b";
  run.steps[1].seen = "first line\nsecond \x01 \xff ]]> line";
  run.steps[1].looks = 4;
  run.steps[1].evidence = {{"routes of client", "default via 10.0.0.1\n10.0.0.0/24 dev lan"}};
  return run;
}

RunResult ended(RunResult::Outcome outcome, const std::string& why) {
  RunResult run;
  run.path = "b.yaml";
  run.outcome = outcome;
  run.why = why;
  return run;
}

std::vector<RunResult> all_kinds() {
  RunResult passed = failed_run();
  passed.outcome = RunResult::Outcome::passed;
  passed.steps = {passed.steps[0]};
  passed.why.clear();
  passed.repetition = 2;
  return {failed_run(), passed, ended(RunResult::Outcome::invalid, "b.yaml:1:1: no\nb.yaml:2:1: no"),
          ended(RunResult::Outcome::could_not_run, "the kernel lacks ipset"),
          ended(RunResult::Outcome::failed, "it did not come up")};
}

TEST(Result, SurvivesTheWayFromTheWorker) {
  for (const RunResult& run : all_kinds()) {
    boost::json::object once = to_json(run);
    EXPECT_EQ(to_json(parse_run_result(once)), once);
  }
  EXPECT_EQ(to_json(failed_run()).at("steps").at(1).at("looks").to_number<int>(), 4);
}

TEST(StepText, IsOneLineUnlessItFailed) {
  EXPECT_EQ(step_text(step("one", StepResult::Outcome::passed), 1), "  ok       1  one (1.5 s)\n");
  StepResult looked = step("one", StepResult::Outcome::passed);
  looked.looks = 7;
  EXPECT_EQ(step_text(looked, 1), "  ok       1  one (1.5 s, 7 looks)\n");
  EXPECT_EQ(step_text(step("one", StepResult::Outcome::not_run), 12), "  not run 12  one\n");
  std::string text = step_text(failed_run().steps[1], 2);
  EXPECT_THAT(text, HasSubstr("  FAILED   2  <two> & \"more\" (1.5 s)\n        expected: a < b\n"));
  EXPECT_THAT(text, HasSubstr("        seen at the last of 4 looks:\n          first line\n"));
  EXPECT_THAT(text, HasSubstr("        routes of client:\n          default via 10.0.0.1\n"));
}

TEST(EndText, SaysWhatBecameOfIt) {
  EXPECT_EQ(end_text(failed_run()), "ab: failed: step 2: <two>\n    what is left of it: /tmp/x\n");
  EXPECT_EQ(end_text(ended(RunResult::Outcome::could_not_run, "no ipset")), "b.yaml: could not run: no ipset\n");
  RunResult plain = ended(RunResult::Outcome::passed, "");
  EXPECT_EQ(end_text(plain), "b.yaml: passed (it has no scenario: it came up, 0 ms)\n");
  plain.kept = true;
  plain.lab = "b-1";
  EXPECT_THAT(end_text(plain), HasSubstr("labctl down b-1"));
  EXPECT_EQ(summary_text(all_kinds(), Duration(2000)), "1 passed, 2 failed, 1 invalid, 1 could not run (2.0 s)\n");
}

// What a CI system's XML parser makes of it.
boost::json::value as_a_parser_reads_it(const std::string& xml) {
  const char* script =
      "import sys, json, xml.etree.ElementTree as e\n"
      "def walk(x): return {'tag': x.tag, 'text': x.text or '', 'in': [walk(c) for c in x], **x.attrib}\n"
      "print(json.dumps(walk(e.fromstring(sys.stdin.buffer.read()))))\n";
  base::RunResult result = base::run_command({"python3", "-c", script}, xml);
  if (result.exit_code != 0) throw std::runtime_error(result.error_output);
  return boost::json::parse(result.output);
}

std::string text_at(const boost::json::value& value, const char* key) {
  return std::string(value.at(key).as_string());
}

TEST(Junit, CountsAndTellsEveryKind) {
  if (base::run_command({"sh", "-c", "command -v python3"}).exit_code != 0)
    GTEST_SKIP() << "no python3 to parse XML with";
  boost::json::value suites = as_a_parser_reads_it(junit_xml(all_kinds(), Duration(20000), "0.1.0"));
  EXPECT_EQ(text_at(suites, "tag"), "testsuites");
  EXPECT_EQ(
      text_at(suites, "tests") + text_at(suites, "failures") + text_at(suites, "errors") + text_at(suites, "skipped"),
      "9212");
  ASSERT_EQ(suites.at("in").as_array().size(), 5u);

  const boost::json::value& suite = suites.at("in").at(0);
  EXPECT_EQ(text_at(suite, "file"), "topologies/a&b.yaml");
  EXPECT_EQ(text_at(suite, "time"), "12.345");
  std::map<std::string, std::string> properties;
  for (const auto& it : suite.at("in").at(0).at("in").as_array())
    properties[text_at(it, "name")] = text_at(it, "value");
  EXPECT_EQ(properties["kernel.provider"], "uml");
  EXPECT_EQ(properties["kernel.reason"], "the host's kernel lacks \"ipvs\"");
  EXPECT_EQ(properties["labctl.version"], "0.1.0");
  EXPECT_EQ(properties["iproute2.version"], "6.1.0");

  EXPECT_EQ(text_at(suite.at("in").at(1), "name"), "comes up");
  const boost::json::value& failure = suite.at("in").at(3).at("in").at(0);
  EXPECT_EQ(text_at(suite.at("in").at(3), "name"), "2. <two> & \"more\"");
  EXPECT_EQ(text_at(failure, "tag"), "failure");
  EXPECT_EQ(text_at(failure, "message"), "first line");
  EXPECT_THAT(text_at(failure, "text"), HasSubstr("second \xEF\xBF\xBD \xEF\xBF\xBD ]]> line"));
  EXPECT_THAT(text_at(failure, "text"), HasSubstr("routes of client:\ndefault via 10.0.0.1\n"));
  EXPECT_EQ(text_at(suite.at("in").at(4).at("in").at(0), "tag"), "skipped");

  EXPECT_EQ(text_at(suites.at("in").at(1), "name"), "ab #2");
  EXPECT_EQ(text_at(suites.at("in").at(2).at("in").at(1).at("in").at(0), "tag"), "error");
  EXPECT_EQ(text_at(suites.at("in").at(3).at("in").at(1).at("in").at(0), "message"),
            "could not run: the kernel lacks ipset");
}

TEST(Xml, CarriesWhatItMay) {
  EXPECT_EQ(xml_escaped("<a href=\"x\">&\n\t"), "&lt;a href=&quot;x&quot;&gt;&amp;&#10;\t");
  EXPECT_EQ(xml_escaped("\xE2\x82\xAC\xF0\x9F\x90\xA7"), "\xE2\x82\xAC\xF0\x9F\x90\xA7");
  const std::string replaced = "\xEF\xBF\xBD";
  EXPECT_EQ(xml_escaped("\x1b[31m"), replaced + "[31m");
  EXPECT_EQ(xml_escaped(std::string(1, '\0')), replaced);
  EXPECT_EQ(xml_escaped("\xEF\xBF\xBF"), replaced + replaced + replaced) << "U+FFFF is no character";
  EXPECT_EQ(xml_escaped("\xC0\xAF"), replaced + replaced) << "too long a form";
}

}  // namespace
}  // namespace scenario
