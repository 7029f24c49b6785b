#include "labctl/kernel/lab_shell/seccomp_filter.h"

#include <seccomp.h>

#include <memory>

#include "lib/base/error.h"

namespace lab_shell {
namespace {

constexpr int kPretended[] = {
    SCMP_SYS(setuid),    SCMP_SYS(setgid),   SCMP_SYS(setreuid), SCMP_SYS(setregid),  SCMP_SYS(setresuid),
    SCMP_SYS(setresgid), SCMP_SYS(setfsuid), SCMP_SYS(setfsgid), SCMP_SYS(setgroups), SCMP_SYS(chown),
    SCMP_SYS(fchown),    SCMP_SYS(lchown),   SCMP_SYS(fchownat),
};

void check(const char* doing, int result) {
  if (result < 0) throw base::Error::system(doing, -result);
}

}  // namespace

void pretend_to_change_owner() {
  std::unique_ptr<void, void (*)(scmp_filter_ctx)> filter(seccomp_init(SCMP_ACT_ALLOW), seccomp_release);
  if (!filter) throw base::Error("make a seccomp filter: out of memory");
  for (int call : kPretended) {
    check("add a rule to the seccomp filter", seccomp_rule_add(filter.get(), SCMP_ACT_ERRNO(0), call, 0));
  }
  check("load the seccomp filter", seccomp_load(filter.get()));
}

}  // namespace lab_shell
