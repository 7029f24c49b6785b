#include <algorithm>
#include <map>
#include <set>

#include "labctl/topology/checks/checks.h"

namespace topology {
namespace {

using ByName = std::map<std::string, const Dependency*>;

// What is left when everything that needs nothing that is left has been taken away, again and again (Kahn's algorithm):
// circles, and what needs them.
ByName left_over(const std::vector<Dependency>& dependencies) {
  ByName left;
  for (const Dependency& it : dependencies) left.emplace(it.name, &it);
  std::map<std::string, size_t> unmet;
  std::multimap<std::string, std::string> needed_by;
  std::vector<std::string> free;
  for (const auto& [name, it] : left) {
    for (const Located<std::string>& need : it->needs) {
      if (left.count(need.value) == 0) continue;
      ++unmet[name];
      needed_by.emplace(need.value, name);
    }
    if (unmet[name] == 0) free.push_back(name);
  }
  while (!free.empty()) {
    std::string name = std::move(free.back());
    free.pop_back();
    left.erase(name);
    auto [first, last] = needed_by.equal_range(name);
    for (; first != last; ++first) {
      if (--unmet[first->second] == 0) free.push_back(first->second);
    }
  }
  return left;
}

}  // namespace

std::optional<Cycle> find_cycle(const std::vector<Dependency>& dependencies) {
  ByName left = left_over(dependencies);
  // Everything left needs something that is left: whoever follows that comes back to where they were.
  for (const Dependency& first : dependencies) {
    if (left.count(first.name) == 0) continue;
    std::set<std::string> path{first.name};
    for (const Dependency* here = left[first.name];;) {
      auto need = std::find_if(here->needs.begin(), here->needs.end(),
                               [&](const Located<std::string>& it) { return left.count(it.value) != 0; });
      if (!path.insert(need->value).second) return Cycle{here->name, *need};
      here = left[need->value];
    }
  }
  return std::nullopt;
}

}  // namespace topology
