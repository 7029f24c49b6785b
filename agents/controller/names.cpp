#include "agents/controller/names.h"

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <vector>

#include "lib/base/error.h"
#include "lib/netlink/address.h"

namespace controller {
namespace {

// k8s.io/apimachinery/pkg/util/rand: no vowels, so that no words come about.
constexpr std::string_view letters = "bcdfghjklmnpqrstvwxz2456789";

char letter(uint64_t number) {
  return letters[number % letters.size()];
}

}  // namespace

std::string random_suffix() {
  std::array<unsigned char, 5> bytes{};
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
    throw base::Error::system("getrandom");
  }
  std::string suffix;
  for (unsigned char byte : bytes) suffix += letter(byte);
  return suffix;
}

std::string stable_suffix(std::string_view text) {
  uint64_t hash = netlink::stable_hash(text);
  std::string suffix;
  for (int count = 0; count < 5; ++count, hash /= letters.size()) suffix += letter(hash);
  return suffix;
}

// The digits of a 32-bit hash, each shown as a letter (rand.SafeEncodeString). The hash itself is not that of the real
// controller, which hashes Go's rendering of its own structures.
std::string template_hash(const kube::Object& pod_template, unsigned collision) {
  std::string text = canonical_text(pod_template);
  if (collision > 0) text += std::to_string(collision);
  std::string hash = std::to_string(static_cast<uint32_t>(netlink::stable_hash(text)));
  for (char& digit : hash) digit = letter(static_cast<unsigned char>(digit));
  return hash;
}

std::string canonical_text(const boost::json::value& value) {
  if (const kube::Object* object = value.if_object()) {
    std::vector<std::string> members;
    for (const auto& [key, member] : *object) {
      if (!member.is_null()) members.push_back(boost::json::serialize(key) + ":" + canonical_text(member));
    }
    std::sort(members.begin(), members.end());
    std::string text = "{";
    for (const std::string& member : members) text += (text.size() > 1 ? "," : "") + member;
    return text + "}";
  }
  if (const boost::json::array* array = value.if_array()) {
    std::string text = "[";
    for (const boost::json::value& element : *array) text += (text.size() > 1 ? "," : "") + canonical_text(element);
    return text + "]";
  }
  return boost::json::serialize(value);
}

}  // namespace controller
