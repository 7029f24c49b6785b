// The one error style: an exception that says what was being done, to what, in the kernel's own words, and the mend.
#pragma once

#include <cerrno>
#include <exception>
#include <string>
#include <utility>

namespace base {

// A message reads outermost context first: "node ds: create dummy link vip0: Operation not permitted (…mend…)".
class Error : public std::exception {
 public:
  explicit Error(std::string message) : message_(std::move(message)) {}

  // "DOING: <strerror(error_number)>"; error_number() keeps the number for those who decide by it.
  static Error system(const std::string& doing, int error_number = errno);

  // The same failure seen from one level up: "CONTEXT: message".
  Error within(const std::string& context) const;
  // What the kernel said beyond its error number (an extended acknowledgement): "doing: <words> (<strerror>)".
  Error with_words(const std::string& words) const;
  // What the reader can do about it; shown in brackets at the end.
  Error with_mend(std::string mend) const;

  const char* what() const noexcept override { return message_.c_str(); }
  int error_number() const noexcept { return error_number_; }

 private:
  std::string message_;
  std::string doing_;  // set where error_number_ is
  int error_number_ = 0;
};

// Runs FUNCTION; an Error that leaves it carries CONTEXT in front.
template <class Function>
decltype(auto) in_context(const std::string& context, Function&& function) {
  try {
    return std::forward<Function>(function)();
  } catch (const Error& error) {
    throw error.within(context);
  }
}

// Returns RESULT of a system call, or throws Error::system(doing) where it is negative.
template <class Result>
Result check_system(const std::string& doing, Result result) {
  if (result < 0) throw Error::system(doing);
  return result;
}

}  // namespace base
