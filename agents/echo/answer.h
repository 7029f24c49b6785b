// What the server says: who it is, and whom it sees.
#pragma once

#include <boost/json/object.hpp>
#include <functional>
#include <string>
#include <string_view>

namespace echo {

struct Identity {
  std::string server;
  std::string node;
  std::string namespace_name;  // empty outside of a pod
  std::string ip;              // empty outside of a pod
};

using Environment = std::function<const char*(const char* name)>;

// As the environment of a pod, or else of a node, says; NAME counts before all where it is not empty.
Identity identify(const std::string& name, const Environment& environment);

// PEER and LOCAL as base::SocketAddress::text() writes them.
boost::json::object describe(const Identity& identity, const std::string& peer, const std::string& local,
                             std::string_view protocol);

// One object on one line.
std::string to_line(const boost::json::object& answer);

// TEXT as JSON may carry it: what is not UTF-8 becomes U+FFFD.
std::string printable(std::string_view text);

}  // namespace echo
