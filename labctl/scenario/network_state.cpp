// Looks at what rtnetlink tells of a node: routes, neighbours, forwarding entries, links.
#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "labctl/scenario/inspecting.h"
#include "labctl/scenario/look.h"
#include "labctl/scenario/texts.h"
#include "lib/kube/objects.h"

namespace scenario {
namespace {

namespace json = boost::json;
using kube::text_at;

// The rows of a table, those that are meant, and all of them in words.
struct Found {
  std::vector<std::string> meant, all;
};

Found find(const json::array& rows, const std::function<bool(const json::object&)>& is_meant,
           const std::function<std::string(const json::object&)>& words) {
  Found found;
  for (const json::value& row : rows) {
    found.all.push_back(words(row.as_object()));
    if (is_meant(row.as_object())) found.meant.push_back(found.all.back());
  }
  return found;
}

Look judge(const Found& found, const std::optional<unsigned>& count, const char* nothing) {
  bool holds = count ? found.meant.size() == *count : !found.meant.empty();
  if (!found.meant.empty()) return {holds, one_per_line(found.meant).substr(1)};
  if (found.all.empty()) return {holds, nothing};
  return {holds, "none like it, of" + one_per_line(found.all)};
}

bool is_or_any(const json::object& row, const char* key, const std::optional<std::string>& wanted) {
  return !wanted || text_at(row, key) == *wanted;
}

std::string with(const char* word, const std::string& value) {
  return value.empty() ? "" : fmt::format(" {} {}", word, value);
}

// The first word says what a route leads to: "default via 10.0.0.1" is no route to 10.0.0.1.
bool is_route(const json::object& route, const std::vector<std::string>& words) {
  std::vector<std::string> line = split_at_spaces(text_at(route, "line"));
  bool of_main = text_at(route, "table") == "main";
  bool names_table = std::find(words.begin(), words.end(), "table") != words.end();
  return (of_main || names_table) && !line.empty() && line.front() == words.front() &&
         has_words_in_order(text_at(route, "line"), words);
}

std::string neighbour_words(const json::object& row) {
  return text_at(row, "address") + with("dev", text_at(row, "link")) + with("lladdr", text_at(row, "mac")) + " " +
         text_at(row, "state");
}

std::string forwarding_words(const json::object& row) {
  return text_at(row, "mac") + with("dev", text_at(row, "link")) + with("dst", text_at(row, "destination")) +
         with("master", text_at(row, "master")) + " " + text_at(row, "state");
}

std::string link_words(const json::object& link) {
  return fmt::format("{}: {}, {}, kind {}, mtu {}, mac {}{}", text_at(link, "name"),
                     kube::flag_at(link, "up") ? "up" : "not up", text_at(link, "state"), text_at(link, "kind", "none"),
                     count_at(link, "mtu"), text_at(link, "mac"), with(", a port of", text_at(link, "master")));
}

bool is_called(const json::object& link, const std::string& name) {
  std::vector<std::string> names = kube::strings_at(link, "alternativeNames");
  return text_at(link, "name") == name || std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

Look look(LabAccess& access, Resolver& resolver, const topology::RouteEntry& expected) {
  std::vector<std::string> words = resolver.texts(expected.words);
  json::object table = inspect(access, resolver.place(expected.on.value), {"routes"});
  bool of_local = has_words_in_order(fmt::format("{}", fmt::join(words, " ")), {"table", "local"});
  // What the kernel makes for each of a node's own addresses is shown only to who asks for it.
  json::array rows;
  for (const json::value& row : kube::array_at(table, "routes")) {
    if (of_local || text_at(row.as_object(), "table") != "local") rows.push_back(row);
  }
  return judge(find(
                   rows, [&](const json::object& route) { return is_route(route, words); },
                   [](const json::object& route) { return text_at(route, "line"); }),
               expected.count, "there are no routes");
}

Look look(LabAccess& access, Resolver& resolver, const topology::NeighbourEntry& expected) {
  std::string address = resolver.text(expected.address);
  json::object table = inspect(access, resolver.place(expected.on.value), {"neighbours"});
  auto is_meant = [&](const json::object& row) {
    return text_at(row, "address") == address && is_or_any(row, "mac", expected.mac) &&
           is_or_any(row, "state", expected.state) && is_or_any(row, "link", expected.link);
  };
  return judge(find(kube::array_at(table, "neighbours"), is_meant, neighbour_words), expected.count,
               "the table is empty");
}

Look look(LabAccess& access, Resolver& resolver, const topology::ForwardingEntry& expected) {
  std::optional<std::string> destination;
  if (expected.destination) destination = resolver.text(*expected.destination);
  json::object table = inspect(access, resolver.place(expected.on.value), {"fdb"});
  auto is_meant = [&](const json::object& row) {
    bool on_link = !expected.link || text_at(row, "link") == *expected.link || text_at(row, "master") == *expected.link;
    return text_at(row, "mac") == expected.mac && is_or_any(row, "destination", destination) && on_link;
  };
  return judge(find(kube::array_at(table, "entries"), is_meant, forwarding_words), expected.count,
               "no device here has a forwarding table");
}

Look look(LabAccess& access, Resolver& resolver, const topology::LinkState& expected) {
  json::object table = inspect(access, resolver.place(expected.on.value), {"links"});
  const json::object* link = nullptr;
  std::vector<std::string> names;
  for (const json::value& it : kube::array_at(table, "links")) {
    names.push_back(text_at(it.as_object(), "name"));
    if (is_called(it.as_object(), expected.link)) link = &it.as_object();
  }
  if (link == nullptr) {
    return {expected.count == 0u, fmt::format("there is no such link, only {}", fmt::join(names, ", "))};
  }
  bool holds = is_or_any(*link, "kind", expected.kind) && is_or_any(*link, "master", expected.master) &&
               is_or_any(*link, "mac", expected.mac) && is_or_any(*link, "state", expected.state) &&
               (!expected.up || kube::flag_at(*link, "up") == *expected.up) &&
               (!expected.mtu || count_at(*link, "mtu") == *expected.mtu) && expected.count.value_or(1) == 1;
  return {holds, link_words(*link)};
}

}  // namespace scenario
