#include "lib/base/error.h"

#include <cstring>

namespace base {

Error Error::system(const std::string& doing, int error_number) {
  Error error(doing + ": " + std::strerror(error_number));
  error.doing_ = doing;
  error.error_number_ = error_number;
  return error;
}

Error Error::within(const std::string& context) const {
  Error outer(*this);
  outer.message_ = context + ": " + message_;
  return outer;
}

Error Error::with_words(const std::string& words) const {
  Error explained(*this);
  explained.message_ = doing_ + ": " + words + " (" + std::strerror(error_number_) + ")";
  return explained;
}

Error Error::with_mend(std::string mend) const {
  Error mended(*this);
  mended.message_ = message_ + " (" + std::move(mend) + ")";
  return mended;
}

}  // namespace base
