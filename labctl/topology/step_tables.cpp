#include "labctl/topology/tables.h"
#include "labctl/topology/values.h"

namespace topology {
namespace {

Type<Do> do_type() {
  ObjectKind<Do> kind{"do", "A command that changes something in a node; it must end with exit code 0.",
                      "{on: ds, run: ip link set lan down}"};
  kind.fields = {required(field<Do>("on", &Do::on, located(word_type("the name of a node")), "The node.", "ds")),
                 required(field<Do>("run", &Do::command, word_type("a command line"), "The command, for sh.",
                                    "sysctl -w net.ipv4.vs.conntrack=1"))};
  return object_type(std::move(kind));
}

// What was broken, or "all".
Type<Heal> heal_type() {
  return {
      [](const yaml::Node& node, Heal& heal, Faults& faults) {
        if (node.kind == yaml::Node::Kind::scalar && node.text == "all") return true;
        if (node.kind != yaml::Node::Kind::mapping) {
          return faults.add(node.at, wrong_type("a fault like {linkDown: ds:lan}, or all", node)), false;
        }
        Injection what;
        if (!injection_type().decode(node, what, faults)) return false;
        heal.what = std::move(what);
        return true;
      },
      [](SchemaBuilder& builder) {
        return boost::json::object{{"anyOf", boost::json::array{injection_type().schema(builder), {{"const", "all"}}}}};
      },
      "a [fault](#fault), or all"};
}

struct WrittenStep {
  Step step;
  std::string name;
  std::optional<std::string> key;
};

template <class Action>
Field<WrittenStep> action_field(std::string name, Type<Action> type, std::string doc, std::string example) {
  return {name,
          std::move(doc),
          std::move(example),
          type.called,
          false,
          [name, type](const yaml::Node& node, WrittenStep& written, Faults& faults) {
            if (written.key) {
              faults.add(node.at,
                         fmt::format("one action a step, \"{}\" is there already: start a new step", *written.key));
              return false;
            }
            written.key = name;
            Action action{};
            if (!type.decode(node, action, faults)) return false;
            written.step.action = std::move(action);
            return true;
          },
          type.schema};
}

ObjectKind<WrittenStep> step_kind() {
  Type<Kubectl> kubectl{[](const yaml::Node& node, Kubectl& value, Faults& faults) {
                          return word_type("a command line").decode(node, value.arguments, faults);
                        },
                        text_type().schema, "a command line"};
  Type<Apply> apply{[](const yaml::Node& node, Apply& value, Faults& faults) {
                      Manifest manifest;
                      if (!manifest_type().decode(node, manifest, faults)) return false;
                      value.object = std::move(manifest.json);
                      if (!value.object.empty()) return true;
                      return faults.add(node.at, "expected a Kubernetes object, not the path of one: write it here"),
                             false;
                    },
                    [](SchemaBuilder&) {
                      return boost::json::object{{"type", "object"}, {"required", {"apiVersion", "kind", "metadata"}}};
                    },
                    "a Kubernetes object"};
  Type<Inject> fault{[](const yaml::Node& node, Inject& value, Faults& faults) {
                       return injection_type().decode(node, value.what, faults);
                     },
                     injection_type().schema, "[fault](#fault)"};
  Type<Wait> wait{[](const yaml::Node& node, Wait& value, Faults& faults) {
                    return duration_type().decode(node, value.time, faults);
                  },
                  duration_type().schema, duration_type().called};
  ObjectKind<WrittenStep> kind{"step", "One step of the scenario. Steps run in their order.",
                               "{expect: {from: client, ping: 192.168.1.2}}"};
  kind.fields = {
      field<WrittenStep>("name", &WrittenStep::name, text_type(), "What the step shows, for people.",
                         "\"replies alternate\""),
      action_field("expect", expect_type(), "Something that must be true.",
                   "{from: client, http: \"http://10.10.0.1:8410/\"}"),
      action_field("do", do_type(), "A command that changes something.",
                   "{on: ds, run: \"sysctl -w net.ipv4.vs.conntrack=1\"}"),
      action_field("kubectl", kubectl, "A command line of kubectl.", "\"scale deployment web --replicas=4\""),
      action_field("apply", apply, "A Kubernetes object that the cluster is given, as kubectl apply does.",
                   "{apiVersion: v1, kind: ConfigMap, metadata: {name: settings}, data: {a: b}}"),
      action_field("fault", fault, "Breaks something. It is mended at the end of the scenario, or by `heal`.",
                   "{linkDown: ds:lan}"),
      action_field("heal", heal_type(),
                   "Mends what a step before has broken, by the same description; `all` is everything.", "all"),
      action_field("wait", wait, "Lets time pass that has to pass for what the scenario shows.", "5s"),
      action_field("capture", capture_type(), "Records packets from here on, for `captured`.", "rs1:lan")};
  return kind;
}

}  // namespace

Type<Step> step_type() {
  auto kind = std::make_shared<const ObjectKind<WrittenStep>>(step_kind());
  return {[kind](const yaml::Node& node, Step& step, Faults& faults) {
            WrittenStep written;
            if (!decode_object(*kind, node, written, faults)) return false;
            if (!written.key) {
              faults.add(node.at, "a step needs an action: expect, do, kubectl, apply, fault, heal, wait or capture");
              return false;
            }
            step = std::move(written.step);
            step.at = node.at;
            step.name = std::move(written.name);
            return true;
          },
          [kind](SchemaBuilder& builder) { return object_schema(*kind, builder); }, "a step"};
}

}  // namespace topology
