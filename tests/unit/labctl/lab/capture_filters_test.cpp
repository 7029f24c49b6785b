#include "labctl/lab/capture_filters.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lab {
namespace {

std::string faults_of(const std::string& steps) {
  try {
    check_filters(topology::parse(
        "version: 1\nname: lab\nnetworks: {lan: {subnet: 10.0.0.0/24}}\nnodes: {ds: {links: {lan: 10.0.0.1}}}\n"
        "scenario:\n" +
            steps,
        "t.yaml"));
  } catch (const topology::InvalidTopology& error) {
    return error.what();
  }
  return "";
}

TEST(CaptureFilters, AreRefusedWhereTheyStandInLibpcapsWords) {
  std::string faults = faults_of(
      "  - capture: {on: ds, filter: tcp prot 80}\n"
      "  - expect: {on: ds, captured: 'port 99999'}\n");
  EXPECT_THAT(faults, testing::HasSubstr("t.yaml:6:31: filter \"tcp prot 80\": "));
  EXPECT_THAT(faults, testing::HasSubstr("syntax error"));
  EXPECT_THAT(faults, testing::HasSubstr("t.yaml:7:33: filter \"port 99999\": "));
}

TEST(CaptureFilters, OfWhatWasRecordedKnowNoDirection) {
  EXPECT_THAT(faults_of("  - capture: ds\n  - expect: {on: ds, captured: 'inbound and src host ${node:ds:ip}'}\n"),
              testing::HasSubstr("t.yaml:7:33: inbound is known only while a packet is captured"));
  EXPECT_EQ(faults_of("  - capture: {on: ds, filter: outbound and tcp}\n"), "");
}

TEST(CaptureFilters, WithReferencesAreCheckedWhenTheyAreKnown) {
  EXPECT_EQ(faults_of("  - capture: ds\n  - expect: {on: ds, captured: 'tcp port 80'}\n"), "");
}

}  // namespace
}  // namespace lab
