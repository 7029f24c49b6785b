#include "labctl/lab/lock.h"

#include <fcntl.h>

#include <cerrno>

#include "lib/base/error.h"

namespace lab {
namespace {

struct flock whole_file() {
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  return lock;
}

}  // namespace

bool take_lock(int descriptor) {
  struct flock lock = whole_file();
  if (::fcntl(descriptor, F_OFD_SETLK, &lock) == 0) return true;
  if (errno == EAGAIN || errno == EACCES) return false;
  throw base::Error::system("lock the lab");
}

bool is_locked(int descriptor) {
  struct flock lock = whole_file();
  base::check_system("look at the lab's lock", ::fcntl(descriptor, F_OFD_GETLK, &lock));
  return lock.l_type != F_UNLCK;
}

}  // namespace lab
