// inspect: prints a table of the kernel as JSON. Runs inside nodes; the libraries it uses may end their process, and so
// are in none that has to stay.

#include <boost/json.hpp>
#include <cstdio>
#include <string>
#include <vector>

#include "labctl/scenario/inspect/tables.h"
#include "lib/base/error.h"
#include "lib/base/file_descriptor.h"

namespace {

const char* const usage =
    "usage: inspect ipvs | ipset [NAME] | conntrack | rules TABLE |\n"
    "               links | addresses | routes | neighbours | fdb | nftables\n";

bool look(const std::vector<std::string>& words, boost::json::object& table) {
  if (words == std::vector<std::string>{"ipvs"}) return table = inspect::ipvs(), true;
  if (words == std::vector<std::string>{"conntrack"}) return table = inspect::conntrack(), true;
  if (words == std::vector<std::string>{"links"}) return table = inspect::links(), true;
  if (words == std::vector<std::string>{"addresses"}) return table = inspect::addresses(), true;
  if (words == std::vector<std::string>{"routes"}) return table = inspect::routes(), true;
  if (words == std::vector<std::string>{"neighbours"}) return table = inspect::neighbours(), true;
  if (words == std::vector<std::string>{"fdb"}) return table = inspect::forwarding(), true;
  if (words == std::vector<std::string>{"nftables"}) return table = inspect::nftables(), true;
  if (words.size() == 2 && words[0] == "rules") return table = inspect::rules(words[1]), true;
  if (words.empty() || words[0] != "ipset" || words.size() > 2) return false;
  return table = inspect::ipsets(words.size() == 2 ? words[1] : ""), true;
}

}  // namespace

int main(int count, char** arguments) {
  try {
    boost::json::object table;
    if (!look({arguments + 1, arguments + count}, table)) {
      std::fputs(usage, stderr);
      return 2;
    }
    base::write_all(1, boost::json::serialize(table) + "\n");
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "inspect: %s\n", error.what());
    return 1;
  }
}
