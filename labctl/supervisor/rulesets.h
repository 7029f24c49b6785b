// Rulesets that a node's topology has as text, loaded by the programs that they are written for: libraries of our own
// would know less of them than their users do.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <string>

#include "labctl/plan/plan.h"
#include "labctl/supervisor/node.h"
#include "labctl/supervisor/reaper.h"

namespace supervisor {

// Throws base::Error where the program cannot be started. DONE is called once, with what the program said where it
// failed, or with nothing.
void load_ruleset(boost::asio::io_context& loop, Reaper& reaper, Node& node, const plan::LoadRuleset& ruleset,
                  std::function<void(const std::string& failure)> done);

}  // namespace supervisor
