#include "labctl/topology/tables.h"
#include "labctl/topology/values.h"

namespace topology {
namespace {

// The keys of a mapping that is to have exactly one: KEY is the one that was read.
template <class T, class V>
Field<T> only_one(std::string name, Type<V> type, std::function<void(T&, V)> store, std::string doc,
                  std::string example) {
  return {name,
          std::move(doc),
          std::move(example),
          type.called,
          false,
          [name, type, store](const yaml::Node& node, T& written, Faults& faults) {
            if (!written.key.empty()) {
              faults.add(node.at, fmt::format("one of them, \"{}\" is there already: start a new step", written.key));
              return false;
            }
            written.key = name;
            V value{};
            if (!type.decode(node, value, faults)) return false;
            store(written, std::move(value));
            return true;
          },
          type.schema};
}

template <class Written>
bool decode_one(const ObjectKind<Written>& kind, const yaml::Node& node, Written& written, Faults& faults) {
  if (!decode_object(kind, node, written, faults)) return false;
  if (!written.key.empty()) return true;
  return faults.add(node.at, fmt::format("which {}? Add one of {}", kind.name, fmt::join(field_names(kind), ", "))),
         false;
}

struct WrittenTarget {
  Target target;
  std::string key;
};

ObjectKind<WrittenTarget> target_kind() {
  ObjectKind<WrittenTarget> kind{"target", "What a fault is of; one of them.", "{process: web@rs1}"};
  auto one = [](const std::string& name, Target::Kind what, const std::string& doc, const std::string& example) {
    return only_one<WrittenTarget, Located<std::string>>(
        name, located(word_type("a name")),
        [what](WrittenTarget& written, Located<std::string> value) {
          written.target = {what, std::move(value)};
        },
        doc, example);
  };
  kind.fields = {one("process", Target::Kind::process,
                     "A process, as NAME@NODE; what pauses it pauses all of its process group.", "web@rs1"),
                 one("pod", Target::Kind::pod, "A pod, as NAMESPACE/NAME or NAME, or a reference: all that runs in it.",
                     "${pod:app=web:0:name}"),
                 one("node", Target::Kind::node, "A node: all that runs in it, its pods included.", "rs1")};
  return kind;
}

Type<Target> target_type() {
  auto kind = std::make_shared<const ObjectKind<WrittenTarget>>(target_kind());
  return {[kind](const yaml::Node& node, Target& target, Faults& faults) {
            WrittenTarget written;
            if (!decode_one(*kind, node, written, faults)) return false;
            target = std::move(written.target);
            return true;
          },
          [kind](SchemaBuilder& builder) { return object_schema(*kind, builder); }, "a target"};
}

Type<Partition> partition_type() {
  auto nodes = list_of(located(word_type("the name of a node")), "names of nodes");
  ObjectKind<Partition> kind{
      "partition",
      "Nodes of different groups do not reach one another by their networks' bridges. Whoever is in none of the groups "
      "reaches all, and is reached.",
      "{groups: [[a, b], [c]]}"};
  kind.fields = {
      required(field<Partition>("groups", &Partition::groups,
                                not_empty(list_of(nodes, "groups of nodes"), "name two groups of nodes at least"),
                                "The groups of nodes.", "[[a, b], [c]]")),
      field<Partition>("networks", &Partition::networks,
                       list_of(located(word_type("the name of a network")), "names of networks", Single::accepted),
                       "The networks that are cut; all of them where this is left out.", "[lan]")};
  kind.short_form = [nodes](const yaml::Node& node, Partition& partition, Faults& faults) {
    return list_of(nodes, "groups of nodes").decode(node, partition.groups, faults);
  };
  kind.short_doc = "just the groups";
  kind.short_schema = {{"type", "array"}, {"items", {{"type", "array"}, {"items", {{"type", "string"}}}}}};
  return object_type(std::move(kind));
}

Type<Impair> impair_type() {
  ObjectKind<Impair> kind{"impair", "What happens to what a node sends by a link, in place of what did until then.",
                          "{link: ds:lan, impairment: {delay: 100ms}}"};
  kind.fields = {
      required(field<Impair>("link", &Impair::link, located(word_type("a link (NODE:LINK)")), "The link.", "ds:lan")),
      required(field<Impair>("impairment", &Impair::impairment, impairment_type(), "What happens.",
                             "{delay: 100ms, loss: 10%}"))};
  return object_type(std::move(kind));
}

struct WrittenInjection {
  Injection what;
  std::string key;
};

Field<WrittenInjection> target_field(const std::string& name, TargetFault::What what, const std::string& doc,
                                     const std::string& example) {
  return only_one<WrittenInjection, Target>(
      name, target_type(),
      [what](WrittenInjection& written, Target target) {
        written.what = TargetFault{what, std::move(target)};
      },
      doc, example);
}

Field<WrittenInjection> link_field(const std::string& name, bool up, const std::string& doc) {
  return only_one<WrittenInjection, Located<std::string>>(
      name, located(word_type("a link (NODE:LINK)")),
      [up](WrittenInjection& written, Located<std::string> link) {
        written.what = LinkFault{up, std::move(link)};
      },
      doc, "ds:lan");
}

ObjectKind<WrittenInjection> injection_kind() {
  using What = TargetFault::What;
  ObjectKind<WrittenInjection> kind{"fault", "Something that is broken on purpose, or mended; one of them.",
                                    "{linkDown: ds:lan}"};
  kind.fields = {
      target_field("kill", What::kill, "Ends it with SIGKILL. A killed node is switched off.", "{process: web@rs1}"),
      target_field("restart", What::restart,
                   "Ends a process and starts it again, or builds a node anew, as a reboot does.",
                   "{process: proxy@worker1}"),
      target_field("pause", What::pause,
                   "Stops it (SIGSTOP): it does nothing, but its kernel goes on and answers for it.", "{node: rs1}"),
      target_field("resume", What::resume, "Lets what was paused go on.", "{node: rs1}"),
      link_field(
          "linkDown", false,
          "A cable is pulled out of the network's switch: the node has lost its carrier. A link that is no cable "
          "is set down in the node."),
      link_field("linkUp", true, "Puts it back."),
      only_one<WrittenInjection, Partition>(
          "partition", partition_type(),
          [](WrittenInjection& written, Partition partition) { written.what = std::move(partition); },
          "Groups of nodes that do not reach one another.", "{groups: [[a, b], [c]]}"),
      only_one<WrittenInjection, Impair>(
          "impair", impair_type(), [](WrittenInjection& written, Impair impair) { written.what = std::move(impair); },
          "Delays, loses, slows down what is sent by a link.", "{link: ds:lan, impairment: {delay: 100ms}}")};
  return kind;
}

}  // namespace

Type<Injection> injection_type() {
  auto kind = std::make_shared<const ObjectKind<WrittenInjection>>(injection_kind());
  return {[kind](const yaml::Node& node, Injection& what, Faults& faults) {
            WrittenInjection written;
            if (!decode_one(*kind, node, written, faults)) return false;
            what = std::move(written.what);
            return true;
          },
          [kind](SchemaBuilder& builder) { return object_schema(*kind, builder); }, "a fault"};
}

}  // namespace topology
