#include "labctl/topology/daemons/kind.h"
#include "labctl/topology/files.h"
#include "labctl/topology/limits.h"
#include "labctl/topology/tables.h"
#include "labctl/topology/values.h"

namespace topology {
namespace {

// A key that says by what a workload is known to be ready: MAKE turns its value into the condition.
template <class V, class Make>
Field<Ready> condition(std::string name, Type<V> type, Make make, std::string doc, std::string example) {
  return {std::move(name),
          std::move(doc),
          std::move(example),
          type.called,
          false,
          [type, make](const yaml::Node& node, Ready& ready, Faults& faults) {
            if (!std::holds_alternative<std::monostate>(ready.condition)) {
              return faults.add(node.at, "a workload is ready by one condition, remove this one or the other"), false;
            }
            V value{};
            if (!type.decode(node, value, faults)) return false;
            ready.condition = make(std::move(value));
            return true;
          },
          type.schema};
}

// "8080/healthz"
Type<Ready::Http> http_ready_type() {
  return scalar_type<Ready::Http>("a port and a path (8080/healthz)",
                                  [](const yaml::Node& node) -> std::optional<Ready::Http> {
                                    size_t slash = node.text.find('/');
                                    std::optional<std::uint64_t> port = parse_unsigned(node.text.substr(0, slash));
                                    if (!port || *port < 1 || *port > 65535 || slash == std::string::npos)
                                      return std::nullopt;
                                    return Ready::Http{static_cast<std::uint16_t>(*port), node.text.substr(slash)};
                                  },
                                  {{"type", "string"}, {"pattern", "^[0-9]+/"}});
}

Type<Ready> ready_type() {
  ObjectKind<Ready> kind{"ready", "When a workload counts as ready; one of the conditions.", "{tcp: 8080}"};
  kind.fields = {
      condition(
          "tcp", port_type(), [](std::uint16_t port) { return Ready::Tcp{port}; },
          "A TCP port of the node accepts connections.", "8080"),
      condition(
          "http", http_ready_type(), [](Ready::Http http) { return http; },
          "A request to this port and path of the node is answered with a status from 200 to 399.", "8080/healthz"),
      condition(
          "log", pattern_type(), [](std::string pattern) { return Ready::Log{std::move(pattern)}; },
          "A line of its output matches this regular expression.", "\"ready for connections\""),
      condition(
          "file", path_type(), [](std::string path) { return Ready::File{std::move(path)}; },
          "A file exists in the node.", "/run/web.pid"),
      condition(
          "exit", number_type<unsigned>("the exit code", 0, 0), [](unsigned) { return Ready::Exit{}; },
          "It has ended, with this exit code.", "0"),
      field<Ready>("within", &Ready::within, duration_type(), "How long that may take.", "20s")};
  Type<Ready> type = object_type(std::move(kind));
  return {[type](const yaml::Node& node, Ready& ready, Faults& faults) {
            if (!type.decode(node, ready, faults)) return false;
            if (!std::holds_alternative<std::monostate>(ready.condition)) return true;
            faults.add(node.at, "\"ready\" without a condition, add one: tcp, http, log, file or exit");
            return false;
          },
          type.schema, type.called};
}

Type<std::vector<std::string>> command_type() {
  using Arguments = std::vector<std::string>;
  return {[](const yaml::Node& node, Arguments& arguments, Faults& faults) {
            if (node.kind == yaml::Node::Kind::sequence && !node.items.empty()) {
              return list_of(text_type("a word"), "words").decode(node, arguments, faults);
            }
            if (node.kind == yaml::Node::Kind::scalar && !node.text.empty()) {
              arguments = {"sh", "-c", node.text};
              return true;
            }
            faults.add(node.at, wrong_type("a command line, or a list of its words", node));
            return false;
          },
          list_of(word_type("a word"), "words", Single::accepted).schema, "a command line, or a list of its words"};
}

// A workload as it is written; what it is follows from which keys are there.
struct WrittenWorkload {
  Workload workload;
  Located<std::string> serve;
  std::optional<std::uint16_t> port;
  std::vector<std::string> run;
  std::vector<Daemon> daemons;
};

Type<Restart> restart_type() {
  return scalar_type<Restart>("one of never, on-failure, always",
                              [](const yaml::Node& node) -> std::optional<Restart> {
                                if (node.text == "never") return Restart::never;
                                if (node.text == "on-failure") return Restart::on_failure;
                                if (node.text == "always") return Restart::always;
                                return std::nullopt;
                              },
                              {{"enum", {"never", "on-failure", "always"}}});
}

template <class V>
Field<WrittenWorkload> workload_field(std::string name, V Workload::*member, Type<V> type, std::string doc,
                                      std::string example) {
  return {std::move(name),
          std::move(doc),
          std::move(example),
          type.called,
          false,
          [member, type](const yaml::Node& node, WrittenWorkload& written, Faults& faults) {
            return type.decode(node, written.workload.*member, faults);
          },
          type.schema};
}

// A daemon's configuration, by the daemon's name.
Field<WrittenWorkload> daemon_field(const DaemonKind& kind) {
  Type<std::string> type = word_type("the text of its configuration file, as a block of text");
  return {kind.name,
          kind.doc,
          kind.example,
          type.called,
          false,
          [type, &kind](const yaml::Node& node, WrittenWorkload& written, Faults& faults) {
            written.daemons.push_back({&kind, ""});
            return type.decode(node, written.daemons.back().configuration, faults);
          },
          type.schema};
}

// "serve", "run", "keepalived" or "nginx"
std::string ways_to_run() {
  std::string names = "\"serve\" (the built-in server), \"run\" (a command) or a daemon (";
  for (const DaemonKind& kind : daemon_kinds()) names += (&kind == &daemon_kinds().front() ? "" : ", ") + kind.name;
  return names + ")";
}

ObjectKind<WrittenWorkload> workload_kind() {
  ObjectKind<WrittenWorkload> kind{"workload", "A process that runs in the node.", "{serve: http, port: 8080}"};
  kind.fields = {
      field<WrittenWorkload>("serve", &WrittenWorkload::serve, located(choice_type({"http", "tcp", "udp"})),
                             "The built-in server, which tells who it is and whom it sees.", "http"),
      field<WrittenWorkload>("port", &WrittenWorkload::port, optional(port_type()), "The port that it serves.", "8080"),
      field<WrittenWorkload>("run", &WrittenWorkload::run, command_type(),
                             "Any program of the host: a command line for sh, or a list of words.",
                             "[nginx, -g, daemon off;]"),
      workload_field("env", &Workload::environment, words_type("a mapping of variables"), "Environment variables.",
                     "{LANG: C}"),
      workload_field("user", &Workload::user, optional(located(word_type("a user's name or number"))),
                     "The user that it runs as; root where left out. A lab on the host's kernel has no other.",
                     "www-data"),
      workload_field("cwd", &Workload::working_directory, optional(path_type()), "The folder that it starts in.",
                     "/tmp"),
      workload_field("files", &Workload::files, files_type(),
                     "Files of the node's own, by path, written before it starts for the first time; after that they "
                     "are the node's, until it is restarted.",
                     "{/etc/app.conf: \"a = 1\"}"),
      workload_field("limits", &Workload::limits, limits_type(),
                     "Its resource limits, hard and soft, by their names in setrlimit(2).",
                     "{nofile: 1024, core: 0, as: 512M}"),
      workload_field("after", &Workload::after,
                     list_of(located(word_type("a workload of this node")), "workloads of this node", Single::accepted),
                     "Workloads of this node that must be ready before it starts.", "[database]"),
      workload_field("ready", &Workload::ready, optional(ready_type()), "When it counts as ready.", "{tcp: 8080}"),
      workload_field("restart", &Workload::restart, restart_type(), "Whether it is started again when it ends.",
                     "on-failure")};
  auto after_run = kind.fields.begin() + 3;
  for (const DaemonKind& daemon : daemon_kinds()) after_run = kind.fields.insert(after_run, daemon_field(daemon)) + 1;
  return kind;
}

bool decode_workload(const std::shared_ptr<const ObjectKind<WrittenWorkload>>& kind, const yaml::Node& node,
                     Workload& workload, Faults& faults) {
  WrittenWorkload written;
  if (!decode_object(*kind, node, written, faults)) return false;
  workload = std::move(written.workload);
  workload.at = node.at;
  bool serves = !written.serve.value.empty(), runs = !written.run.empty();
  if (serves + runs + written.daemons.size() != 1) {
    faults.add(node.at, "a workload has one of " + ways_to_run());
    return false;
  }
  if (!serves && written.port) {
    faults.add(node.at, "\"port\" belongs to \"serve\"; of another program say when it is ready: ready: {tcp: PORT}");
    return false;
  }
  if (runs) workload.what = Run{std::move(written.run)};
  if (serves) workload.what = Serve{written.serve.value, written.port.value_or(8080)};
  if (!written.daemons.empty()) workload.what = std::move(written.daemons.front());
  if (!written.daemons.empty() && workload.user) {
    faults.add(workload.user->at, "a daemon's configuration says whom it runs as, remove \"user\"");
    return false;
  }
  return true;
}

}  // namespace

Type<Workload> workload_type() {
  auto kind = std::make_shared<const ObjectKind<WrittenWorkload>>(workload_kind());
  return {[kind](const yaml::Node& node, Workload& workload, Faults& faults) {
            return decode_workload(kind, node, workload, faults);
          },
          [kind](SchemaBuilder& builder) { return object_schema(*kind, builder); }, "a workload"};
}

}  // namespace topology
