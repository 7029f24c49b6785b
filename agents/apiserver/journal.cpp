#include "agents/apiserver/journal.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "lib/base/error.h"

namespace apiserver {
namespace {

namespace json = boost::json;

kube::Object parse_record(const std::string& line) {
  boost::system::error_code failure;
  json::value record = json::parse(line, failure);
  if (failure || !record.is_object()) {
    throw base::Error("this is not a record of the journal").with_mend("take the line out, or the file away");
  }
  return std::move(record.get_object());
}

}  // namespace

void Journal::read(const std::function<void(kube::Object record)>& take) const {
  if (path_.empty() || ::access(path_.c_str(), F_OK) != 0) return;
  std::string text = base::read_file(path_);
  size_t number = 0, begin = 0;
  for (size_t end; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1) {
    base::in_context(path_ + ":" + std::to_string(++number),
                     [&] { take(parse_record(text.substr(begin, end - begin))); });
  }
}

void Journal::append(const kube::Object& record) {
  if (!file_.valid()) return;
  std::string line = json::serialize(record) + "\n";
  base::in_context(path_, [&] {
    // Or else this record would continue the line that is torn, and both be lost.
    if (torn_) base::check_system("truncate", ::ftruncate(file_.get(), static_cast<off_t>(size_)));
    torn_ = true;
    base::write_all(file_.get(), line);
    torn_ = false;
  });
  size_ += line.size();
}

void Journal::rewrite(const std::function<void(Journal& next)>& append_all) {
  if (path_.empty()) return;
  Journal next(path_ + ".next");
  next.file_ = base::open_file(next.path_, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600);
  append_all(next);
  base::check_system("rename " + next.path_, ::rename(next.path_.c_str(), path_.c_str()));
  file_ = std::move(next.file_);
  size_ = rewritten_size_ = next.size_;
  torn_ = false;
}

}  // namespace apiserver
