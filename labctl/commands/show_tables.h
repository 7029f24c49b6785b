// The kernel's tables, as `inspect` reads them (labctl/scenario/inspect/tables.h), for people who learn to read them:
// every field has its name.
#pragma once

#include <boost/json/object.hpp>
#include <ostream>

namespace commands {

void print_conntrack(const boost::json::object& table, std::ostream& out);
void print_ipvs(const boost::json::object& table, std::ostream& out);
void print_ipset(const boost::json::object& table, std::ostream& out);
// {"tables": [{"table", "rules"}], "ruleset": of nftables}
void print_rules(const boost::json::object& tables, std::ostream& out);
void print_routes(const boost::json::object& table, std::ostream& out);
void print_neighbours(const boost::json::object& table, std::ostream& out);
void print_forwarding(const boost::json::object& table, std::ostream& out);
void print_links(const boost::json::object& table, std::ostream& out);
// {"links", "addresses", "routes"}: the main table's
void print_overview(const boost::json::object& tables, std::ostream& out);

}  // namespace commands
