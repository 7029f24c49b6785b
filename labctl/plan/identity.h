// By what an operation is recognized in another plan, and how a change of it can be made. A kind of operation that has
// no identity here does not compile.
#pragma once

#include <string>

#include "labctl/plan/plan.h"

namespace plan {

// The name that the topology gives it.
const std::string& full_name(const InterfaceName& name);

// What an operation makes, without its node: "address 10.0.0.1/24 on lan". Two operations of a node that make the same
// object with other contents are a change of it.
std::string object_of(const Operation& operation);

// "node alice", "network lan", "alice: address 10.0.0.1/24 on lan"; of a process "process web@alice".
std::string identity_of(const Operation& operation);
std::string identity_of(const Process& process);

// What only follows from another object, and is not worth a line: links are set up because they are there.
bool is_implied(const Operation& operation);

// Whether a running node can be brought from BEFORE to AFTER, operations of the same identity. If not, it is built
// anew.
bool changes_in_place(const Operation& before, const Operation& after);
// Whether what the operation makes can be taken out of a running node.
bool is_removed_in_place(const Operation& operation);

// Whether the kernel may take it away along with another link or address of its node: secondary addresses go with the
// first of their subnet, routes with the address that they start from.
bool may_go_with_another(const Operation& operation);

}  // namespace plan
