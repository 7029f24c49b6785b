#include "agents/apiserver/protobuf.h"

#include "agents/apiserver/base64.h"
#include "tests/unit/agents/apiserver/fixture.h"

namespace apiserver {
namespace {

std::string field(int number, const std::string& bytes) {
  return std::string{static_cast<char>(number << 3 | 2), static_cast<char>(bytes.size())} + bytes;
}

std::string number(int field_number, int value) {
  return {static_cast<char>(field_number << 3), static_cast<char>(value)};
}

std::string envelope(const std::string& api_version, const std::string& kind, const std::string& raw) {
  return std::string("k8s\0", 4) + field(1, field(1, api_version) + field(2, kind)) + field(2, raw);
}

std::string refusal(const std::string& body) {
  try {
    decode_protobuf(body);
  } catch (const StatusError& error) {
    return std::to_string(error.code());
  }
  return "none";
}

TEST(Protobuf, ServicesAreDecodedAndEmptyFieldsLeftOut) {
  std::string port =
      field(1, "") + field(2, "TCP") + number(3, 80) + field(4, number(1, 0) + number(2, 88)) + number(5, 0);
  std::string named_port = number(3, 81) + field(4, number(1, 1) + number(2, 0) + field(3, "http"));
  std::string label = field(1, "app") + field(2, "web");
  std::string spec = field(1, port) + field(1, named_port) + field(2, label) + field(4, "ClusterIP") + number(13, 0);
  std::string metadata = field(1, "s") + field(2, "") + number(7, 0) + field(8, "") + field(11, label);
  EXPECT_EQ(boost::json::value(decode_protobuf(envelope("v1", "Service", field(1, metadata) + field(2, spec)))),
            boost::json::parse(R"({"apiVersion":"v1","kind":"Service","metadata":{"name":"s","labels":{"app":"web"}},
              "spec":{"ports":[{"protocol":"TCP","port":80,"targetPort":88},{"port":81,"targetPort":"http"}],
              "selector":{"app":"web"},"type":"ClusterIP"}})"));
}

TEST(Protobuf, ZeroReplicasAreAValue) {
  Object object = decode_protobuf(envelope("apps/v1", "Deployment", field(2, number(1, 0) + number(5, 0))));
  EXPECT_EQ(boost::json::serialize(object.at("spec")), R"({"replicas":0})");
}

TEST(Protobuf, EventsOfBothGroupsAreDecoded) {
  std::string time = number(1, 100) + number(2, 0);
  Object object = decode_protobuf(
      envelope("events.k8s.io/v1", "Event", field(2, time) + field(8, field(1, "Node")) + field(10, "hello")));
  EXPECT_EQ(kube::text_at(object, "note"), "hello");
  EXPECT_EQ(kube::text_at(object, "regarding.kind"), "Node");
  EXPECT_EQ(kube::text_at(object, "eventTime"), "1970-01-01T00:01:40.000000Z");
  object = decode_protobuf(envelope("v1", "Event", field(4, "hello")));
  EXPECT_EQ(kube::text_at(object, "message"), "hello");
}

TEST(Protobuf, DamageAndUnknownKindsAreRefused) {
  std::string good = envelope("v1", "Namespace", field(1, field(1, "n")));
  EXPECT_EQ(refusal(good), "none");
  EXPECT_EQ(refusal("{}"), "400");
  EXPECT_EQ(refusal(std::string("k8s\0", 4) + "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), "400");
  EXPECT_EQ(refusal(envelope("v1", "Namespace", "\x0a\x7f")), "400");
  EXPECT_EQ(refusal(envelope("v1", "Unheard", "")), "415");
  // Cut anywhere but between its two fields.
  size_t type_only = good.size() - field(2, field(1, field(1, "n"))).size();
  for (size_t length = 0; length < good.size(); ++length) {
    EXPECT_EQ(refusal(good.substr(0, length)), length == type_only ? "none" : length == 4 ? "415" : "400") << length;
  }
}

TEST(Base64, PadsAsRfc4648) {
  EXPECT_EQ(base64(""), "");
  EXPECT_EQ(base64("f"), "Zg==");
  EXPECT_EQ(base64("fo"), "Zm8=");
  EXPECT_EQ(base64("foo"), "Zm9v");
  EXPECT_EQ(base64("\xff\xfe"), "//4=");
}

}  // namespace
}  // namespace apiserver
