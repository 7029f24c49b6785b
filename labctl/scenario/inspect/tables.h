// The kernel's tables in this network namespace, every field by its name.
#pragma once

#include <boost/json/object.hpp>
#include <string>

namespace inspect {

// {"version", "services": [{"protocol", "address", "port", "fwmark", "scheduler", "flags", "persistenceSeconds",
//   "connections", "packetsIn", …, "servers": [{"address", "port", "forwarding", "weight", "active", "inactive", …}]}],
//  "text": as `ipvsadm -Ln` prints it}
boost::json::object ipvs();
// {"sets": [{"name", "type", "family", "entries": […]}]}; of one set where NAME is not empty, and of none where it is
// not there.
boost::json::object ipsets(const std::string& name);
// {"entries": [{"protocol", "state", "timeoutSeconds", "original": {"source", "destination", "sourcePort",
//   "destinationPort"}, "reply": {…}, "replied", "assured", "mark", "uses", "line": as conntrack(8) prints it}]}
boost::json::object conntrack();
// {"table", "rules": [{"program", "family", "chain", "rule", "packets", "bytes"}]}
boost::json::object rules(const std::string& table);
// {"ruleset": as `nft list ruleset` prints it, empty where there is none; "missing": "nft" where it is not installed}
boost::json::object nftables();

// What rtnetlink tells, in network_tables.cpp. The fields are those of lib/netlink/tables.h; "line" is as ip(8) prints
// it.
// {"links": [{"name", "kind", "details": {"id": "42", …}, "mac", "mtu", "master", "up", "state", …}]}
boost::json::object links();
// {"addresses": [{"link", "address", "peer", "scope", "label", "flags"}]}
boost::json::object addresses();
// {"routes": [{"family", "type", "destination", "via", "link", "nextHops", "table", …, "line"}],
//  "rules": [{"family", "priority", "from", "to", "mark", "action", "table", …, "line"}]}
boost::json::object routes();
// {"neighbours": [{"address", "link", "mac", "state", "router", "proxy"}]}
boost::json::object neighbours();
// {"entries": [{"mac", "link", "master", "destination", "vlan", "vni", "learned", "local", "state"}]}
boost::json::object forwarding();

}  // namespace inspect
