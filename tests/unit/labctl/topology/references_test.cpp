#include "labctl/topology/references.h"

#include <gmock/gmock.h>

#include "lib/base/error.h"

namespace topology {
namespace {

using ::testing::HasSubstr;

std::vector<std::string> written(const std::string& text, TextKind kind = TextKind::plain) {
  std::vector<std::string> shown;
  for (const Piece& piece : split_references(text, kind)) {
    const auto* reference = std::get_if<Reference>(&piece);
    shown.push_back(reference != nullptr ? "<" + reference->written + ">" : std::get<std::string>(piece));
  }
  return shown;
}

TEST(References, CutATextWhereTheyStand) {
  EXPECT_THAT(written("http://${pod:app=web:0:ip}:${service:web:port}/x"),
              testing::ElementsAre("http://", "<${pod:app=web:0:ip}>", ":", "<${service:web:port}>", "/x"));
  EXPECT_THAT(written("nothing $here {either}"), testing::ElementsAre("nothing $here {either}"));
  EXPECT_THAT(written(""), testing::IsEmpty());
}

TEST(References, KnowWhatTheyReferTo) {
  auto only = [](const std::string& text) {
    return std::get<Reference>(split_references(text, TextKind::plain).at(0));
  };
  auto pod = std::get<PodReference>(only("${pod:app in (a,b),tier!=db:12:node}").what);
  EXPECT_EQ(pod.selector, "app in (a,b),tier!=db");
  EXPECT_EQ(pod.index, 12u);
  EXPECT_EQ(pod.field, PodReference::Field::node);
  auto service = std::get<ServiceReference>(only("${service:dns.kube-system:nodePort}").what);
  EXPECT_EQ(service.name, "dns");
  EXPECT_EQ(service.namespace_name, "kube-system");
  EXPECT_EQ(service.field, ServiceReference::Field::node_port);
  EXPECT_EQ(std::get<ServiceReference>(only("${service:web:port}").what).namespace_name, "default");
  EXPECT_EQ(std::get<NodeReference>(only("${node:rs1:ip}").what).node, "rs1");
}

TEST(References, LeaveTheShellWhatIsItsOwn) {
  EXPECT_THAT(written("echo ${HOME} ${node:-x} ${pod:=y} ${node:a:ip}", TextKind::command_line),
              testing::ElementsAre("echo ${HOME} ${node:-x} ${pod:=y} ", "<${node:a:ip}>"));
  try {
    split_references("http://${HOME}/", TextKind::plain);
    ADD_FAILURE() << "accepted";
  } catch (const base::Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("reference ${HOME}: write ${pod:"));
  }
}

}  // namespace
}  // namespace topology
