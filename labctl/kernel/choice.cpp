#include "labctl/kernel/choice.h"

#include <algorithm>

#include "lib/base/error.h"

namespace kernel {
namespace {

std::string in_brackets(const std::string& text) {
  return text.empty() ? "" : " (" + text + ")";
}

std::string joined(const std::vector<std::string>& words) {
  constexpr std::size_t kShown = 3;
  std::string text;
  for (std::size_t i = 0; i < std::min(words.size(), kShown); ++i) text += (i == 0 ? "" : ", ") + words[i];
  if (words.size() > kShown) text += " and " + std::to_string(words.size() - kShown) + " more";
  return text;
}

std::string asked_by(const std::vector<AskedNeed>& needs, const std::string& name) {
  for (const AskedNeed& need : needs) {
    if (need.need == name && !need.asked_by.empty()) return ", asked for by " + joined(need.asked_by);
  }
  return {};
}

// What one provider has to say of the needs.
struct Answer {
  const Provider& provider;
  Provider::Availability availability;
  std::vector<NeedStatus> lacking;

  bool serves_all() const { return availability.available && lacking.empty(); }

  std::string refusal(const std::vector<AskedNeed>& needs) const {
    std::string text = "\n  " + provider.name() + " — " + provider.kernel_version();
    if (!availability.available) return text + ": " + availability.why + in_brackets(availability.mend);
    for (const NeedStatus& status : lacking) {
      text +=
          "\n    lacks " + status.need + asked_by(needs, status.need) + ": " + status.why + in_brackets(status.mend);
    }
    return text;
  }

  std::string why_not() const {
    if (!availability.available) return availability.why;
    std::vector<std::string> names;
    for (const NeedStatus& status : lacking) names.push_back(status.need);
    return "the host's kernel lacks " + joined(names) + " (labctl doctor says more)";
  }
};

Answer ask(const Provider& provider, const std::vector<std::string>& names) {
  Answer answer{provider, provider.availability(), {}};
  if (!answer.availability.available) return answer;
  for (NeedStatus& status : provider.serves(names)) {
    if (!status.works) answer.lacking.push_back(std::move(status));
  }
  return answer;
}

std::string reason_for(const Answer& chosen, const std::vector<Answer>& refused, bool asked_for) {
  if (asked_for) return "asked for with --kernel " + chosen.provider.name();
  if (refused.empty()) return "it serves all that the topology needs";
  return refused.front().why_not();
}

}  // namespace

Choice choose(const std::vector<AskedNeed>& needs, const std::optional<std::string>& override,
              const std::vector<std::unique_ptr<Provider>>& providers) {
  std::vector<std::string> names;
  for (const AskedNeed& need : needs) names.push_back(need.need);
  std::vector<Answer> refused;
  for (const std::unique_ptr<Provider>& provider : providers) {
    if (override && provider->name() != *override) continue;
    Answer answer = ask(*provider, names);
    if (answer.serves_all()) {
      return {provider->name(), provider->kernel_version(), reason_for(answer, refused, override.has_value())};
    }
    refused.push_back(std::move(answer));
  }
  if (refused.empty()) throw base::Error("--kernel " + override.value_or("") + ": there is no such kernel (host, uml)");
  std::string text = override ? "the kernel asked for with --kernel does not serve this topology:"
                              : "no kernel here serves this topology:";
  for (const Answer& answer : refused) text += answer.refusal(needs);
  throw base::Error(text);
}

Choice choose(const std::vector<AskedNeed>& needs, const std::optional<std::string>& override) {
  return choose(needs, override, make_providers());
}

}  // namespace kernel
