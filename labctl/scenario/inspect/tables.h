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

}  // namespace inspect
