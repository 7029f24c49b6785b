#include "agents/proxy/masquerading.h"

#include <fmt/format.h>

#include "agents/proxy/rules.h"

namespace proxy::masquerading {
namespace {

std::string masked(std::uint32_t mark) {
  return fmt::format("{:#x}/{:#x}", mark, mark);
}

}  // namespace

std::vector<std::string> mark_chain(std::uint32_t mark) {
  return {"-j MARK --set-xmark " + masked(mark)};
}

std::vector<std::string> postrouting_chain(std::uint32_t mark) {
  return {"-m mark ! --mark " + masked(mark) + " -j RETURN",
          // Taken off again, lest it be masqueraded a second time where it passes the stack once more (an overlay).
          fmt::format("-j MARK --set-xmark {:#x}/0x0", mark),
          comment("kubernetes service traffic requiring SNAT") + "-j MASQUERADE --random-fully"};
}

std::vector<std::string> forward_chain(std::uint32_t mark) {
  return {comment("kubernetes forwarding rules") + "-m mark --mark " + masked(mark) + " -j ACCEPT",
          comment("kubernetes forwarding conntrack rule") + "-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"};
}

}  // namespace proxy::masquerading
