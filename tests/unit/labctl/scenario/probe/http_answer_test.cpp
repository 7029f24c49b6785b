#include "labctl/scenario/probe/http_answer.h"

#include <gmock/gmock.h>

#include <boost/json.hpp>

#include "labctl/scenario/probe/outcome.h"
#include "labctl/scenario/probe/target.h"
#include "lib/base/error.h"

namespace probe {
namespace {

// Fed in pieces of every size, it must come to the same.
void expect_body(const std::string& text, const std::string& body, bool ends_by_itself = true) {
  for (size_t piece = 1; piece <= text.size(); ++piece) {
    HttpAnswer answer(1000);
    for (size_t at = 0; at < text.size(); at += piece) answer.feed(text.substr(at, piece));
    EXPECT_EQ(answer.complete(), ends_by_itself);
    answer.end();
    ASSERT_TRUE(answer.complete());
    ASSERT_EQ(answer.body(), body) << "in pieces of " << piece;
    ASSERT_EQ(answer.status(), 200);
  }
}

TEST(HttpAnswer, IsReadHoweverItsLengthIsTold) {
  expect_body("HTTP/1.1 200 OK\r\ncontent-length:  5 \r\n\r\nhello", "hello");
  expect_body("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\nA: b\r\n\r\n",
              "hello");
  expect_body("HTTP/1.0 200 OK\r\n\r\nhello", "hello", false);
  expect_body("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "");
}

std::string refusal(const std::string& text) {
  try {
    HttpAnswer answer(1000);
    answer.feed(text);
    answer.end();
    return "none";
  } catch (const RequestFailed& failed) {
    EXPECT_EQ(failed.failure, Failure::other);
    return failed.words;
  }
}

TEST(HttpAnswer, ThatIsNoneOrIsCutShortIsRefused) {
  EXPECT_EQ(refusal("SSH-2.0-x\r\n\r\n"), "the answer is no HTTP: it begins with \"SSH-2.0-x\"");
  EXPECT_EQ(refusal(""), "the connection was closed without an answer");
  EXPECT_EQ(refusal("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell"),
            "the connection was closed before the answer was complete");
  EXPECT_EQ(refusal("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n"),
            "the answer is no HTTP: a chunk's size is \"x\"");
  EXPECT_EQ(refusal(std::string(100000, 'x')), "the answer is no HTTP: its head does not end");
}

TEST(HttpAnswer, KeepsNoMoreThanItMay) {
  HttpAnswer answer(3);
  answer.feed("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
  EXPECT_TRUE(answer.complete());
  EXPECT_EQ(answer.body(), "hel");
  EXPECT_TRUE(answer.truncated());
}

TEST(Target, IsParsedOrRefused) {
  Target url = Target::parse(Protocol::http, "http://[fd00::1]:8080/a?b");
  EXPECT_EQ(url.host + "|" + url.port + "|" + url.path + "|" + url.authority, "fd00::1|8080|/a?b|[fd00::1]:8080");
  url = Target::parse(Protocol::http, "http://web?b");
  EXPECT_EQ(url.host + "|" + url.port + "|" + url.path, "web|80|/?b");
  EXPECT_EQ(Target::parse(Protocol::ping, "fd00::1").host, "fd00::1");
  EXPECT_THROW(Target::parse(Protocol::http, "https://web/"), base::Error);
  EXPECT_THROW(Target::parse(Protocol::http, "http:///"), base::Error);
  EXPECT_THROW(Target::parse(Protocol::tcp, "web"), base::Error);
  EXPECT_THROW(Target::parse(Protocol::tcp, "web:http"), base::Error);
  EXPECT_THROW(Target::parse(Protocol::tcp, "web:65536"), base::Error);
  EXPECT_THROW(Target::parse(Protocol::ping, "web:1"), base::Error);
}

TEST(Document, IsJsonWhateverTheServerSent) {
  std::string bytes;
  for (int byte = 0; byte < 256; ++byte) bytes += static_cast<char>(byte);
  bytes += "\xE2\x82\xAC \xF0\x9F\x90\xA7 \xED\xA0\x80 \xC0\xAF \xF4\x90\x80\x80";
  Outcome outcome;
  outcome.body = bytes;
  outcome.failure = Failure::reset;
  boost::json::value document = boost::json::parse(to_json("http", "http://x/", {outcome, Outcome()}));
  const auto& requests = document.at("requests").as_array();
  ASSERT_EQ(requests.size(), 2u);
  std::string body(requests[0].at("body").as_string());
  EXPECT_THAT(body, testing::StartsWith(bytes.substr(0, 128)));
  EXPECT_THAT(body, testing::HasSubstr("\xE2\x82\xAC \xF0\x9F\x90\xA7 \xEF\xBF\xBD"));
  EXPECT_EQ(requests[0].at("failure").as_string(), "reset");
  EXPECT_TRUE(requests[1].at("ok").as_bool());
}

}  // namespace
}  // namespace probe
