// Lets programs that change user or owner run where there is but one user.
#pragma once

namespace lab_shell {

// From here on, set*id, setgroups and chown answer success and do nothing: nginx, tcpdump -w and MariaDB --user insist
// on them, and a user namespace of one uid cannot give them. Inherited by every process of the lab; cannot be undone.
void pretend_to_change_owner();

}  // namespace lab_shell
