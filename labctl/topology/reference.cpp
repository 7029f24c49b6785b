#include "labctl/topology/tables.h"
#include "labctl/topology/topology.h"

namespace topology {
namespace {

constexpr const char* introduction = R"(# The topology language

This file is what `labctl reference` prints: it is made from the tables that read topologies, and cannot differ from them.

A topology is one YAML file that says which machines there are, how they are connected, what runs in them, and what the
lab is to show:

```yaml
version: 1
name: two-machines
description: a web server and its client on one wire
networks:
  lan: {subnet: 192.168.1.0/24}
nodes:
  client: {links: {lan: 192.168.1.1}}
  server:
    links: {lan: 192.168.1.2}
    workloads: {web: {serve: http, port: 80}}
scenario:
  - expect: {from: client, http: "http://192.168.1.2/", answeredBy: server}
  - fault: {kill: {process: web@server}}
  - expect: {from: client, tcp: "192.168.1.2:80", fails: refused}
```

With a cluster, nodes of the topology become a control plane and workers, and Kubernetes manifests say what runs:

```yaml
version: 1
name: service
networks:
  lan: {subnet: 192.168.113.0/24}
nodes:
  client: {links: {lan: 192.168.113.102}}
  cp: {links: {lan: 192.168.113.10}}
  worker1: {links: {lan: 192.168.113.11}}
  worker2: {links: {lan: 192.168.113.12}}
cluster: {controlPlane: cp, workers: [worker1, worker2], network: lan}
manifests:
  - apiVersion: apps/v1
    kind: Deployment
    metadata: {name: web}
    spec:
      replicas: 2
      selector: {matchLabels: {app: web}}
      template:
        metadata: {labels: {app: web}}
        spec: {containers: [{name: web, image: echo, ports: [{containerPort: 8080}]}]}
  - apiVersion: v1
    kind: Service
    metadata: {name: web}
    spec: {type: NodePort, selector: {app: web}, ports: [{port: 80, targetPort: 8080, nodePort: 30080}]}
scenario:
  - expect: {from: client, http: "http://192.168.113.11:30080/", requests: 10}
  - kubectl: scale deployment web --replicas=4
```

Rules of the whole language:

- Names that you give (of networks, nodes, links, workloads, variables) are keys of mappings that hold nothing else, so
  that a new keyword never takes a name away from you.
- What is not known is refused: unknown keys, a key given twice, a value of another type. `labctl validate` reports all
  faults at once, each with its line, its column and what to do about it.
- YAML is version 1.2: `yes`, `on` and `010` are text. Anchors, aliases and merge keys (`<<: *name`) work.
- A duration has a unit: `500ms`, `10s`, `2m`, `1h`. A subnet has its length: `10.0.0.0/24`. IPv6 stands beside IPv4
  everywhere but in a cluster; put an IPv6 address with a port into brackets: `[fd00::1]:80`.
- The kernel's names of interfaces have at most 15 characters. A link with a longer name gets one that is derived from it, and
  its own as the alternative name, which `ip link` takes as well. `labctl plan` shows both.
- A regular expression is one of RE2; `^` and `$` stand for the ends of a line.

Files and daemons:

- A node sees the host's files, read-only, but for folders that are its own memory: `/run` and `/tmp`. `files` writes there,
  and anywhere else but into the root itself: what the node then sees in that folder of the root (`/etc`) can be replaced
  and removed. What a node has written is gone when it is restarted; the restart of a process changes nothing.
- A daemon (`keepalived`, `nginx`, `etcd`, `mariadb`) is the host's program, started in the foreground with the text as its
  configuration file, in a folder of its own, `/run/WORKLOAD`, where it keeps its data as well. Where it is not installed, the
  lab is refused with the name of Debian's package. Its output is its log (`labctl logs LAB WORKLOAD@NODE`).
- It counts as ready by what it says or where it listens, unless `ready` says otherwise. That keepalived is ready does not
  mean that a node has its virtual IP: expect it `within` some seconds.

How a scenario runs:

- Its steps run in their order, up to the first that fails. `labctl test` brings the lab up, runs them, and brings it down.
- An expectation with `within` is looked at again and again until it holds or the time is over; with `always`, all that
  time, and it must hold at every look; with `never`, at none. Without any of them it is looked at once.
- A fault lasts until a step heals it, or until the scenario has ended, however it ends. A node that is restarted is as
  new: what was broken in it is no longer. A partition is of the network and goes on.
- A request may take 5 s, or 2 s where it is to fail by `timeout` or in any way (`any`); `timeout` says otherwise. A
  command may take 60 s.
- Without `status`, an HTTP answer of status 400 and above is none. `answeredBy`, `answeredOn` and `sees` are compared with
  `server`, `node` and `client` of the answer, a JSON object as the built-in server (`serve`) gives it; over TCP it is the
  first line that the server sends.
- What only the running lab knows is written as a reference, in every text of a step:

| reference | means |
|---|---|
| `${pod:LABELSELECTOR:INDEX:FIELD}` | `name`, `ip` or `node` of a pod: of those with these labels, in all namespaces, sorted by name, the one at INDEX (the first is 0). Pods that are being deleted or have ended do not count. |
| `${service:NAME:FIELD}`, `${service:NAME.NAMESPACE:FIELD}` | `clusterIP` of a Service, or `port` or `nodePort` of its first port |
| `${node:NAME:ip}` | the node's address on the cluster's network, or else its first |

In command lines, any other `${…}` is the shell's.
)";

std::string text_of(const boost::json::value& value) {
  return std::string(value.as_string());
}

std::string first_example(const boost::json::object& schema) {
  return text_of(schema.at("examples").as_array().front());
}

bool is_required(const boost::json::object& schema, const std::string& key) {
  const boost::json::value* required = schema.if_contains("required");
  if (required == nullptr) return false;
  for (const boost::json::value& name : required->as_array()) {
    if (name.as_string() == key) return true;
  }
  return false;
}

// What KEY's value is; of a kind of its own, where that is described.
std::string value_of(const boost::json::object& property) {
  const boost::json::value* kind = property.if_contains("$ref");
  if (kind == nullptr) return text_of(property.at("x-type"));
  std::string id = text_of(*kind).substr(std::string("#/$defs/").size());
  return fmt::format("[{}](#{})", id, id);
}

std::string row(const boost::json::object& property, const std::string& key, bool required) {
  return fmt::format("| `{}` | {}{} | {} | `{}: {}` |\n", key, value_of(property), required ? " (required)" : "",
                     text_of(property.at("description")), key, first_example(property));
}

std::string section(const boost::json::object& definition) {
  std::string text = fmt::format("\n## {}\n\n{} For example `{}`", text_of(definition.at("title")),
                                 text_of(definition.at("description")), first_example(definition));
  const boost::json::object* object = &definition;
  if (const boost::json::value* any = definition.if_contains("anyOf")) {
    object = &any->as_array().front().as_object();
    text += fmt::format(", or {}", text_of(definition.at("x-short")));
  }
  text += ".\n\n| key | value | meaning | example |\n|---|---|---|---|\n";
  for (const auto& member : object->at("properties").as_object()) {
    std::string key(member.key());
    text += row(member.value().as_object(), key, is_required(*object, key));
  }
  return text;
}

}  // namespace

std::string reference() {
  SchemaBuilder builder;
  object_schema(topology_kind(), builder);
  std::string text = introduction;
  for (const std::string& id : builder.order) text += section(builder.definitions.at(id).as_object());
  return text;
}

}  // namespace topology
