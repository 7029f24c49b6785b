#include <charconv>
#include <cmath>
#include <map>

#include "labctl/topology/tables.h"
#include "labctl/topology/values.h"

namespace topology {
namespace {

using Microseconds = std::chrono::microseconds;

// Digits and the unit that follows them: "10mbit" is 10 and "mbit".
std::pair<std::string, std::string> split_unit(const std::string& text) {
  size_t end = text.find_first_not_of("0123456789.");
  if (end == std::string::npos) end = text.size();
  return {text.substr(0, end), text.substr(end)};
}

Type<Microseconds> delay_type() {
  return scalar_type<Microseconds>(
      "a time (500us, 10ms, 1s)",
      [](const yaml::Node& node) -> std::optional<Microseconds> {
        static const std::map<std::string, std::uint64_t> units{{"us", 1}, {"ms", 1000}, {"s", 1000000}};
        auto [digits, unit] = split_unit(node.text);
        std::optional<std::uint64_t> number = parse_unsigned(digits);
        auto found = units.find(unit);
        // Nobody waits longer than an hour.
        if (!number || found == units.end() || *number > 3600'000'000 / found->second) {
          return std::nullopt;
        }
        return Microseconds(*number * found->second);
      },
      {{"type", "string"}, {"pattern", "^[0-9]+(us|ms|s)$"}});
}

Type<double> per_cent_type() {
  return scalar_type<double>("a share (0% to 100%)",
                             [](const yaml::Node& node) -> std::optional<double> {
                               auto [digits, unit] = split_unit(node.text);
                               double value = 0;
                               auto [end, failure] =
                                   std::from_chars(digits.data(), digits.data() + digits.size(), value);
                               bool number = failure == std::errc() && end == digits.data() + digits.size();
                               if (!number || unit != "%" || value > 100) return std::nullopt;
                               return value;
                             },
                             {{"type", "string"}, {"pattern", "^[0-9]+([.][0-9]+)?%$"}});
}

// At least a byte a second, at most what the kernel's 64 bits of bytes hold with room to spare.
Type<std::uint64_t> rate_type() {
  return scalar_type<std::uint64_t>("a rate (64kbit, 10mbit, 1gbit)",
                                    [](const yaml::Node& node) -> std::optional<std::uint64_t> {
                                      static const std::map<std::string, std::uint64_t> units{
                                          {"bit", 1}, {"kbit", 1000}, {"mbit", 1000'000}, {"gbit", 1000'000'000}};
                                      auto [digits, unit] = split_unit(node.text);
                                      std::optional<std::uint64_t> number = parse_unsigned(digits);
                                      auto found = units.find(unit);
                                      if (!number || found == units.end() || *number > 1000'000) return std::nullopt;
                                      std::uint64_t rate = *number * found->second;
                                      return rate < 8 ? std::nullopt : std::optional(rate);
                                    },
                                    {{"type", "string"}, {"pattern", "^[0-9]+(bit|kbit|mbit|gbit)$"}});
}

std::shared_ptr<const ObjectKind<Impairment>> impairment_kind() {
  ObjectKind<Impairment> kind{"impairment", "What happens to the packets that a node sends by a link.",
                              "{delay: 10ms, loss: 1%}"};
  kind.fields = {
      field<Impairment>("delay", &Impairment::delay, delay_type(), "How long each is held back.", "10ms"),
      field<Impairment>("jitter", &Impairment::jitter, delay_type(), "By how much the delay varies, up and down.",
                        "2ms"),
      field<Impairment>("loss", &Impairment::loss, per_cent_type(), "How many are lost.", "1%"),
      field<Impairment>("rate", &Impairment::rate, rate_type(),
                        "How much may be sent a second; alone, it is kept by a token bucket (tbf), else by netem.",
                        "10mbit"),
      field<Impairment>("duplicate", &Impairment::duplicate, per_cent_type(), "How many are sent twice.", "0.1%"),
      field<Impairment>("reorder", &Impairment::reorder, per_cent_type(),
                        "How many are not delayed, and so overtake others.", "25%")};
  return std::make_shared<const ObjectKind<Impairment>>(std::move(kind));
}

// What cannot be together. Returns false after it has added a fault.
bool check_impairment(const yaml::Node& node, const Impairment& impairment, Faults& faults) {
  size_t before = faults.size();
  auto place = [&](const char* key) { return node.find(key) != nullptr ? node.find(key)->at : node.at; };
  bool delayed = impairment.delay.count() != 0;
  if (impairment.none()) {
    faults.add(node.at, "an impairment of nothing, give one: delay: 10ms; or remove it");
  }
  if (impairment.jitter.count() != 0 && !delayed) {
    faults.add(place("jitter"), "jitter varies a delay, and there is none: add delay");
  } else if (impairment.jitter > impairment.delay) {
    faults.add(place("jitter"), "jitter is larger than the delay that it varies, make it smaller");
  }
  if (impairment.reorder != 0 && !delayed) {
    faults.add(place("reorder"), "what is reordered overtakes what is delayed, and nothing is: add delay");
  }
  return faults.size() == before;
}

}  // namespace

Type<Impairment> impairment_type() {
  auto kind = impairment_kind();
  Type<Impairment> plain = object_type(kind);
  return {[plain](const yaml::Node& node, Impairment& impairment, Faults& faults) {
            return plain.decode(node, impairment, faults) && check_impairment(node, impairment, faults);
          },
          plain.schema, "an impairment"};
}

}  // namespace topology
