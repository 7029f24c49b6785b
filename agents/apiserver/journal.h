// The file behind a store: one record a line, appended before anybody is told of the change.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "lib/base/file_descriptor.h"
#include "lib/kube/objects.h"

namespace apiserver {

class Journal {
 public:
  // A file smaller than this is not worth rewriting.
  static constexpr uint64_t rewrite_floor = 1024 * 1024;

  // PATH: empty for none, which keeps nothing. read() and then rewrite() come before the first append().
  explicit Journal(std::string path) : path_(std::move(path)) {}

  // Calls TAKE with each record of the file, where there is one. A last line without an end is what a crash left of a
  // record that nobody was told of: it is left out. Any other line that is no record throws, with file and line.
  void read(const std::function<void(kube::Object record)>& take) const;

  // Throws where the record could not be written whole; it is then as if it had not been tried.
  void append(const kube::Object& record);

  // Whether most of it must be history by now.
  bool is_overgrown() const { return size_ > rewrite_floor && size_ > 4 * rewritten_size_; }
  // Begins anew with what APPEND_ALL appends to the journal that it is given: everything that is alive. The old file
  // stays until the new one is complete.
  void rewrite(const std::function<void(Journal& next)>& append_all);

 private:
  std::string path_;
  base::FileDescriptor file_;
  uint64_t size_ = 0;  // up to the end of the last whole record
  uint64_t rewritten_size_ = 0;
  bool torn_ = false;  // something may follow the last whole record
};

}  // namespace apiserver
