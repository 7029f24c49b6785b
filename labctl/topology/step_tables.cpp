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

Type<Kill> kill_type() {
  ObjectKind<Kill> kind{"kill",
                        "Ends something with SIGKILL: a process, a pod's processes, or all that runs in a node.",
                        "{process: web@rs1}"};
  auto one = [](std::string name, Kill::What what, std::string doc, std::string example) {
    Type<Located<std::string>> type = located(word_type("a name"));
    return Field<Kill>{name,
                       doc,
                       example,
                       type.called,
                       false,
                       [what, type](const yaml::Node& node, Kill& kill, Faults& faults) {
                         if (kill.name.at.line != 0) {
                           return faults.add(node.at, "one thing a step: process, pod or node"), false;
                         }
                         kill.what = what;
                         return type.decode(node, kill.name, faults);
                       },
                       type.schema};
  };
  kind.fields = {
      one("process", Kill::What::process, "A process, as NAME@NODE.", "web@rs1"),
      one("pod", Kill::What::pod, "A pod, as NAMESPACE/NAME or NAME, or a reference.", "${pod:app=web:0:name}"),
      one("node", Kill::What::node, "A node.", "rs1")};
  Type<Kill> type = object_type(std::move(kind));
  return {[type](const yaml::Node& node, Kill& kill, Faults& faults) {
            if (!type.decode(node, kill, faults)) return false;
            if (!kill.name.value.empty()) return true;
            return faults.add(node.at, "kill what? Add process, pod or node"), false;
          },
          type.schema, type.called};
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
  Type<RestartProcess> restart{[](const yaml::Node& node, RestartProcess& value, Faults& faults) {
                                 return located(word_type("NAME@NODE")).decode(node, value.process, faults);
                               },
                               text_type().schema, "NAME@NODE"};
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
      action_field("kill", kill_type(), "Ends something with SIGKILL.", "{process: web@rs1}"),
      action_field("restart", restart, "Ends a process and starts it again.", "proxy@worker1")};
  return kind;
}

}  // namespace

Type<Step> step_type() {
  auto kind = std::make_shared<const ObjectKind<WrittenStep>>(step_kind());
  return {[kind](const yaml::Node& node, Step& step, Faults& faults) {
            WrittenStep written;
            if (!decode_object(*kind, node, written, faults)) return false;
            if (!written.key) {
              faults.add(node.at, "a step needs an action: expect, do, kubectl, kill or restart");
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
