// Lets user-mode Linux run on processors whose extended state is larger than it knows.
//
// UML 6.1 keeps 2696 bytes of floating-point state for each of its processes and sets them with PTRACE_SETREGSET. The
// host refuses a set that is shorter than its own state (arch/x86/kernel/fpu/regset.c, xstateregs_set), which with AMX
// is 11008 bytes: "ptrace set fp regs failed, errno = 14", and the guest's init is killed. So where the host refuses,
// the whole state is read, UML's part laid over it, and the whole written back. Where it does not, nothing is changed.
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static long system_ptrace(long request, long pid, long address, long data) {
  return syscall(SYS_ptrace, request, pid, address, data);
}

// UML has one thread that traces, and no stack to spare: hence static.
static char whole_state[65536];

static long set_extended_state(long pid, const struct iovec* part) {
  struct iovec whole = {whole_state, sizeof whole_state};
  if (system_ptrace(PTRACE_GETREGSET, pid, NT_X86_XSTATE, (long)&whole) < 0) return -1;
  if (part->iov_len > whole.iov_len) {
    errno = EFAULT;
    return -1;
  }
  memcpy(whole_state, part->iov_base, part->iov_len);
  return system_ptrace(PTRACE_SETREGSET, pid, NT_X86_XSTATE, (long)&whole);
}

long ptrace(enum __ptrace_request request, ...) {
  va_list arguments;
  va_start(arguments, request);
  long pid = va_arg(arguments, pid_t);
  long address = va_arg(arguments, long);
  long data = va_arg(arguments, long);
  va_end(arguments);

  // As in glibc: the kernel stores the word, the function returns it, errno alone tells -1 from a failure.
  if (request == PTRACE_PEEKTEXT || request == PTRACE_PEEKDATA || request == PTRACE_PEEKUSER) {
    long word = 0;
    long result = system_ptrace(request, pid, address, (long)&word);
    if (result < 0) return result;
    errno = 0;
    return word;
  }
  long result = system_ptrace(request, pid, address, data);
  int refused = result < 0 && (errno == EFAULT || errno == EINVAL);
  if (refused && request == PTRACE_SETREGSET && address == NT_X86_XSTATE) {
    return set_extended_state(pid, (const struct iovec*)data);
  }
  return result;
}
