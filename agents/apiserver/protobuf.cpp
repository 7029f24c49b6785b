#include "agents/apiserver/protobuf.h"

#include <time.h>

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "agents/apiserver/base64.h"
#include "agents/apiserver/status.h"

namespace apiserver {
namespace {

namespace json = boost::json;

enum class Type {
  text,
  number,
  present_number,  // a pointer in Go: 0 is a value, not absence
  flag,
  present_flag,  // likewise
  message,
  texts,      // repeated
  messages,   // repeated
  text_map,   // map<string, string>
  bytes_map,  // map<string, bytes>, base64 in JSON
  int_or_string,
  time,
  micro_time,
};

struct Field {
  uint32_t number;
  const char* name;
  Type type;
  const char* message = nullptr;
};

struct Message {
  const char* name;
  std::vector<Field> fields;
};

// Numbers and names are those of the generated.proto files of k8s.io/api and k8s.io/apimachinery; what `kubectl
// create`, client-go's event recorders and leader elections fill in. Others are skipped when they occur.
const std::vector<Message>& schema() {
  using enum Type;
  static const std::vector<Message> table{
      {"ObjectMeta",
       {{1, "name", text},
        {2, "generateName", text},
        {3, "namespace", text},
        {5, "uid", text},
        {6, "resourceVersion", text},
        {11, "labels", text_map},
        {12, "annotations", text_map},
        {13, "ownerReferences", Type::messages, "OwnerReference"},
        {14, "finalizers", texts}}},
      {"OwnerReference",
       {{1, "kind", text},
        {3, "name", text},
        {4, "uid", text},
        {5, "apiVersion", text},
        {6, "controller", flag},
        {7, "blockOwnerDeletion", flag}}},
      {"ObjectReference",
       {{1, "kind", text},
        {2, "namespace", text},
        {3, "name", text},
        {4, "uid", text},
        {5, "apiVersion", text},
        {6, "resourceVersion", text},
        {7, "fieldPath", text}}},
      {"LocalObjectReference", {{1, "name", text}}},
      {"LabelSelector",
       {{1, "matchLabels", text_map}, {2, "matchExpressions", Type::messages, "LabelSelectorRequirement"}}},
      {"LabelSelectorRequirement", {{1, "key", text}, {2, "operator", text}, {3, "values", texts}}},

      {"Namespace", {{1, "metadata", message, "ObjectMeta"}}},
      {"ConfigMap",
       {{1, "metadata", message, "ObjectMeta"},
        {2, "data", text_map},
        {3, "binaryData", bytes_map},
        {4, "immutable", flag}}},
      {"Secret",
       {{1, "metadata", message, "ObjectMeta"},
        {2, "data", bytes_map},
        {3, "type", text},
        {4, "stringData", text_map},
        {5, "immutable", flag}}},
      {"ServiceAccount",
       {{1, "metadata", message, "ObjectMeta"},
        {2, "secrets", Type::messages, "ObjectReference"},
        {3, "imagePullSecrets", Type::messages, "LocalObjectReference"},
        {4, "automountServiceAccountToken", present_flag}}},

      {"Service", {{1, "metadata", message, "ObjectMeta"}, {2, "spec", message, "ServiceSpec"}}},
      {"ServiceSpec",
       {{1, "ports", Type::messages, "ServicePort"},
        {2, "selector", text_map},
        {3, "clusterIP", text},
        {4, "type", text},
        {5, "externalIPs", texts},
        {7, "sessionAffinity", text},
        {8, "loadBalancerIP", text},
        {9, "loadBalancerSourceRanges", texts},
        {10, "externalName", text},
        {11, "externalTrafficPolicy", text},
        {12, "healthCheckNodePort", number},
        {13, "publishNotReadyAddresses", flag},
        {17, "ipFamilyPolicy", text},
        {18, "clusterIPs", texts},
        {19, "ipFamilies", texts},
        {20, "allocateLoadBalancerNodePorts", present_flag},
        {21, "loadBalancerClass", text},
        {22, "internalTrafficPolicy", text},
        {23, "trafficDistribution", text}}},
      {"ServicePort",
       {{1, "name", text},
        {2, "protocol", text},
        {3, "port", number},
        {4, "targetPort", int_or_string},
        {5, "nodePort", number},
        {6, "appProtocol", text}}},

      {"Deployment", {{1, "metadata", message, "ObjectMeta"}, {2, "spec", message, "DeploymentSpec"}}},
      {"DeploymentSpec",
       {{1, "replicas", present_number},
        {2, "selector", message, "LabelSelector"},
        {3, "template", message, "PodTemplateSpec"},
        {4, "strategy", message, "DeploymentStrategy"},
        {5, "minReadySeconds", number},
        {6, "revisionHistoryLimit", present_number},
        {7, "paused", flag},
        {9, "progressDeadlineSeconds", present_number}}},
      {"DeploymentStrategy", {{1, "type", text}, {2, "rollingUpdate", message, "RollingUpdateDeployment"}}},
      {"RollingUpdateDeployment", {{1, "maxUnavailable", int_or_string}, {2, "maxSurge", int_or_string}}},
      {"PodTemplateSpec", {{1, "metadata", message, "ObjectMeta"}, {2, "spec", message, "PodSpec"}}},
      {"Pod", {{1, "metadata", message, "ObjectMeta"}, {2, "spec", message, "PodSpec"}}},
      {"PodSpec",
       {{2, "containers", Type::messages, "Container"},
        {3, "restartPolicy", text},
        {4, "terminationGracePeriodSeconds", present_number},
        {6, "dnsPolicy", text},
        {7, "nodeSelector", text_map},
        {8, "serviceAccountName", text},
        {10, "nodeName", text},
        {11, "hostNetwork", flag},
        {16, "hostname", text},
        {17, "subdomain", text},
        {19, "schedulerName", text},
        {20, "initContainers", Type::messages, "Container"}}},
      {"Container",
       {{1, "name", text},
        {2, "image", text},
        {3, "command", texts},
        {4, "args", texts},
        {5, "workingDir", text},
        {6, "ports", Type::messages, "ContainerPort"},
        {7, "env", Type::messages, "EnvVar"},
        {14, "imagePullPolicy", text}}},
      {"ContainerPort",
       {{1, "name", text},
        {2, "hostPort", number},
        {3, "containerPort", number},
        {4, "protocol", text},
        {5, "hostIP", text}}},
      {"EnvVar", {{1, "name", text}, {2, "value", text}}},

      {"Lease", {{1, "metadata", message, "ObjectMeta"}, {2, "spec", message, "LeaseSpec"}}},
      {"LeaseSpec",
       {{1, "holderIdentity", text},
        {2, "leaseDurationSeconds", present_number},
        {3, "acquireTime", micro_time},
        {4, "renewTime", micro_time},
        {5, "leaseTransitions", present_number}}},
      {"events.k8s.io/v1/Event",
       {{1, "metadata", message, "ObjectMeta"},
        {2, "eventTime", micro_time},
        {3, "series", message, "events.k8s.io/v1/EventSeries"},
        {4, "reportingController", text},
        {5, "reportingInstance", text},
        {6, "action", text},
        {7, "reason", text},
        {8, "regarding", message, "ObjectReference"},
        {9, "related", message, "ObjectReference"},
        {10, "note", text},
        {11, "type", text}}},
      {"events.k8s.io/v1/EventSeries", {{1, "count", number}, {2, "lastObservedTime", micro_time}}},
      {"Event",
       {{1, "metadata", message, "ObjectMeta"},
        {2, "involvedObject", message, "ObjectReference"},
        {3, "reason", text},
        {4, "message", text},
        {5, "source", message, "EventSource"},
        {6, "firstTimestamp", time},
        {7, "lastTimestamp", time},
        {8, "count", number},
        {9, "type", text},
        {10, "eventTime", micro_time},
        {12, "action", text},
        {14, "reportingComponent", text},
        {15, "reportingInstance", text}}},
      {"EventSource", {{1, "component", text}, {2, "host", text}}},
      {"DeleteOptions",
       {{1, "gracePeriodSeconds", present_number},
        {2, "preconditions", message, "Preconditions"},
        {3, "orphanDependents", flag},
        {4, "propagationPolicy", text},
        {5, "dryRun", texts}}},
      {"Preconditions", {{1, "uid", text}, {2, "resourceVersion", text}}},
  };
  return table;
}

const Message* find_message(std::string_view name) {
  for (const Message& message : schema()) {
    if (name == message.name) return &message;
  }
  return nullptr;
}

StatusError damaged() {
  return bad_request("the body of the request is not valid protobuf");
}

// One field after the other of an encoded message.
class Reader {
 public:
  explicit Reader(std::string_view data) : data_(data) {}

  bool next() {
    if (data_.empty()) return false;
    uint64_t tag = varint();
    number_ = static_cast<uint32_t>(tag >> 3);
    bytes_ = {};
    value_ = 0;
    switch (tag & 7) {
      case 0:
        value_ = varint();
        break;
      case 1:
        skip(8);
        break;
      case 2:
        bytes_ = take(varint());
        break;
      case 5:
        skip(4);
        break;
      default:
        throw damaged();
    }
    return true;
  }

  uint32_t number() const { return number_; }
  std::string_view bytes() const { return bytes_; }
  int64_t value() const { return static_cast<int64_t>(value_); }

 private:
  uint64_t varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      auto byte = static_cast<unsigned char>(take(1).front());
      value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if ((byte & 0x80) == 0) return value;
    }
    throw damaged();
  }
  std::string_view take(uint64_t count) {
    if (count > data_.size()) throw damaged();
    std::string_view taken = data_.substr(0, count);
    data_.remove_prefix(count);
    return taken;
  }
  void skip(uint64_t count) { take(count); }

  std::string_view data_;
  uint32_t number_ = 0;
  std::string_view bytes_;
  uint64_t value_ = 0;
};

std::string decode_time(std::string_view data, bool micro) {
  int64_t seconds = 0, nanoseconds = 0;
  Reader reader(data);
  while (reader.next()) {
    if (reader.number() == 1) seconds = reader.value();
    if (reader.number() == 2) nanoseconds = reader.value();
  }
  if (seconds <= 0) return {};
  time_t when = seconds;
  tm parts{};
  ::gmtime_r(&when, &parts);
  char text[40];
  size_t length = ::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  std::string result(text, length);
  if (micro) {
    std::string fraction = std::to_string(1000000 + nanoseconds / 1000 % 1000000);
    result += "." + fraction.substr(1);
  }
  return result + "Z";
}

json::value decode_int_or_string(std::string_view data) {
  int64_t type = 0, number = 0;
  std::string text;
  Reader reader(data);
  while (reader.next()) {
    if (reader.number() == 1) type = reader.value();
    if (reader.number() == 2) number = reader.value();
    if (reader.number() == 3) text = std::string(reader.bytes());
  }
  if (type == 0) return number;
  return json::string(text);
}

void add_map_entry(Object& map, std::string_view data, bool bytes) {
  std::string key, value;
  Reader reader(data);
  while (reader.next()) {
    if (reader.number() == 1) key = std::string(reader.bytes());
    if (reader.number() == 2) value = bytes ? base64(reader.bytes()) : std::string(reader.bytes());
  }
  map[key] = value;
}

template <class Container>
Container& member(Object& object, const char* name) {
  json::value& value = object[name];
  if constexpr (std::is_same_v<Container, json::array>) {
    if (!value.is_array()) value.emplace_array();
    return value.get_array();
  } else {
    if (!value.is_object()) value.emplace_object();
    return value.get_object();
  }
}

constexpr int depth_limit = 20;

Object decode_message(const Message& message, std::string_view data, int depth);

// Go writes empty fields, too; in JSON they are left out.
void decode_field(Object& object, const Field& field, const Reader& reader, int depth) {
  switch (field.type) {
    case Type::text:
      if (!reader.bytes().empty()) object[field.name] = json::string(reader.bytes());
      break;
    case Type::number:
      if (reader.value() != 0) object[field.name] = reader.value();
      break;
    case Type::present_number:
      object[field.name] = reader.value();
      break;
    case Type::flag:
      if (reader.value() != 0) object[field.name] = true;
      break;
    case Type::present_flag:
      object[field.name] = reader.value() != 0;
      break;
    case Type::message: {
      Object inner = decode_message(*find_message(field.message), reader.bytes(), depth + 1);
      if (!inner.empty()) object[field.name] = std::move(inner);
      break;
    }
    case Type::texts:
      member<json::array>(object, field.name).push_back(json::string(reader.bytes()));
      break;
    case Type::messages:
      member<json::array>(object, field.name)
          .push_back(decode_message(*find_message(field.message), reader.bytes(), depth + 1));
      break;
    case Type::text_map:
    case Type::bytes_map:
      add_map_entry(member<Object>(object, field.name), reader.bytes(), field.type == Type::bytes_map);
      break;
    case Type::int_or_string:
      object[field.name] = decode_int_or_string(reader.bytes());
      break;
    case Type::time:
    case Type::micro_time: {
      std::string text = decode_time(reader.bytes(), field.type == Type::micro_time);
      if (!text.empty()) object[field.name] = text;
      break;
    }
  }
}

Object decode_message(const Message& message, std::string_view data, int depth) {
  if (depth > depth_limit) throw damaged();
  Object object;
  Reader reader(data);
  while (reader.next()) {
    for (const Field& field : message.fields) {
      if (field.number == reader.number()) decode_field(object, field, reader, depth);
    }
  }
  return object;
}

}  // namespace

kube::Object decode_protobuf(std::string_view body) {
  constexpr std::string_view magic("k8s\0", 4);
  if (!body.starts_with(magic)) throw damaged();
  std::string api_version, kind;
  std::string_view raw;
  Reader envelope(body.substr(magic.size()));
  while (envelope.next()) {
    if (envelope.number() == 1) {
      Reader type(envelope.bytes());
      while (type.next()) {
        if (type.number() == 1) api_version = std::string(type.bytes());
        if (type.number() == 2) kind = std::string(type.bytes());
      }
    }
    if (envelope.number() == 2) raw = envelope.bytes();
  }
  const Message* message = find_message(api_version + "/" + kind);
  if (message == nullptr) message = find_message(kind);
  if (message == nullptr) {
    throw unsupported_media_type(std::string(protobuf_content_type) + " of kind " + kind, "application/json");
  }
  Object object = decode_message(*message, raw, 0);
  object["apiVersion"] = api_version;
  object["kind"] = kind;
  return object;
}

}  // namespace apiserver
