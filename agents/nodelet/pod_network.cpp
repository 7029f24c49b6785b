#include "agents/nodelet/pod_network.h"

#include <algorithm>
#include <charconv>
#include <string_view>

namespace nodelet {
namespace {

// The value of NAME in lines NAME=VALUE.
std::string setting(std::string_view text, std::string_view name) {
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (line.starts_with(name) && line.substr(name.size()).starts_with('=')) {
      return std::string(line.substr(name.size() + 1));
    }
  }
  return {};
}

std::optional<std::uint32_t> number(const std::string& text) {
  std::uint32_t value = 0;
  auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

NetworkState pod_network(const std::string& pod_cidr, bool wants_file, const std::optional<std::string>& ready_file) {
  std::optional<netlink::Prefix> subnet = netlink::Prefix::parse(pod_cidr);
  if (!subnet) return {std::nullopt, "the node has no podCIDR yet (the controller assigns it)"};
  if (!wants_file) return {PodNetwork{subnet->network(), std::nullopt}, {}};
  if (!ready_file) return {std::nullopt, "the overlay has not written its file yet"};
  std::optional<netlink::Prefix> named = netlink::Prefix::parse(setting(*ready_file, "FLANNEL_SUBNET"));
  if (!named) return {std::nullopt, "the overlay's file names no FLANNEL_SUBNET"};
  // A file from before the node was registered anew: the overlay is about to write another one.
  if (!subnet->contains(named->address)) {
    return {std::nullopt, "the overlay's file still names the subnet " + named->to_string() +
                              ", but the node's podCIDR is " + subnet->to_string()};
  }
  return {PodNetwork{named->network(), number(setting(*ready_file, "FLANNEL_MTU"))}, {}};
}

}  // namespace nodelet
