#include "lib/base/file_descriptor.h"

#include <fcntl.h>
#include <unistd.h>

#include "lib/base/error.h"

namespace base {

FileDescriptor& FileDescriptor::operator=(FileDescriptor&& other) noexcept {
  if (this != &other) {
    reset();
    descriptor_ = other.release();
  }
  return *this;
}

void FileDescriptor::reset() {
  if (descriptor_ >= 0) ::close(descriptor_);
  descriptor_ = -1;
}

FileDescriptor FileDescriptor::duplicate() const {
  return FileDescriptor(check_system("duplicate a descriptor", ::fcntl(descriptor_, F_DUPFD_CLOEXEC, 3)));
}

FileDescriptor open_file(const std::string& path, int flags, unsigned mode) {
  return FileDescriptor(check_system("open " + path, ::open(path.c_str(), flags | O_CLOEXEC, mode)));
}

Pipe make_pipe() {
  int ends[2];
  check_system("make a pipe", ::pipe2(ends, O_CLOEXEC));
  return {FileDescriptor(ends[0]), FileDescriptor(ends[1])};
}

std::string read_all(int descriptor) {
  std::string data;
  char buffer[65536];
  for (;;) {
    ssize_t count = ::read(descriptor, buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    check_system("read", count);
    if (count == 0) return data;
    data.append(buffer, static_cast<size_t>(count));
  }
}

std::string read_file(const std::string& path) {
  FileDescriptor file = open_file(path, O_RDONLY);
  return in_context(path, [&] { return read_all(file.get()); });
}

void write_all(int descriptor, const std::string& data) {
  size_t done = 0;
  while (done < data.size()) {
    ssize_t count = ::write(descriptor, data.data() + done, data.size() - done);
    if (count < 0 && errno == EINTR) continue;
    done += static_cast<size_t>(check_system("write", count));
  }
}

void write_file(const std::string& path, const std::string& data) {
  FileDescriptor file = open_file(path, O_WRONLY | O_TRUNC);
  in_context(path, [&] { write_all(file.get(), data); });
}

}  // namespace base
