// Users as a node knows them, from its /etc/passwd and /etc/group.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace supervisor {

struct User {
  std::string name;
  uid_t id = 0;
  gid_t group = 0;
  std::vector<gid_t> groups;  // the others that it belongs to
  std::string home = "/root";
};

// By name or number; ROOT is the folder that is the root of the node's files. Throws base::Error where there is none.
User find_user(const std::string& name, const std::string& root);

// Makes the calling process one of USER's.
void become_user(const User& user);

}  // namespace supervisor
