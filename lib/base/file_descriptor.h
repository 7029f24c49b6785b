// Descriptors that close themselves.
#pragma once

#include <string>
#include <utility>

namespace base {

// Owns a descriptor; move-only. Everything that labctl opens is close-on-exec.
class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int descriptor) : descriptor_(descriptor) {}
  FileDescriptor(FileDescriptor&& other) noexcept : descriptor_(other.release()) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept;
  ~FileDescriptor() { reset(); }

  int get() const { return descriptor_; }
  bool valid() const { return descriptor_ >= 0; }
  // A descriptor tested for truth is a bug: 0 is a descriptor.
  explicit operator bool() const = delete;
  int release() { return std::exchange(descriptor_, -1); }
  void reset();
  FileDescriptor duplicate() const;

 private:
  int descriptor_ = -1;
};

// open(2) with O_CLOEXEC; throws Error naming the path.
FileDescriptor open_file(const std::string& path, int flags, unsigned mode = 0);

struct Pipe {
  FileDescriptor read_end;
  FileDescriptor write_end;
};
Pipe make_pipe();

// Reads to the end of the file.
std::string read_all(int descriptor);
std::string read_file(const std::string& path);
// Writes all of it, or throws.
void write_all(int descriptor, const std::string& data);
// For files that exist already, as those below /proc and /sys do: opens with O_WRONLY | O_TRUNC.
void write_file(const std::string& path, const std::string& data);

}  // namespace base
