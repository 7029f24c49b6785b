#include "lib/base/utf8.h"

#include <gtest/gtest.h>

namespace {

TEST(Utf8, WhatIsValidStaysAsItIs) {
  for (const char* text : {"", "a\nb\x01", "é … 漢 🙂"}) {
    EXPECT_TRUE(base::is_valid_utf8(text));
    EXPECT_EQ(base::valid_utf8(text), text);
  }
  std::string zero("a\0b", 3);
  EXPECT_EQ(base::valid_utf8(zero), zero);
}

TEST(Utf8, EveryByteThatIsNoneIsReplaced) {
  EXPECT_EQ(base::valid_utf8("caf\xe9 a\xff\xfe"
                             "b"),
            "caf\ufffd a\ufffd\ufffdb");
  EXPECT_FALSE(base::is_valid_utf8("caf\xe9"));
  EXPECT_EQ(base::valid_utf8("\xc0\xaf"), "\ufffd\ufffd") << "longer than it need be";
  EXPECT_EQ(base::valid_utf8("\xed\xa0\x80"), "\ufffd\ufffd\ufffd") << "half a surrogate pair";
}

TEST(Utf8, SoIsACharacterThatWasCutOff) {
  EXPECT_EQ(base::valid_utf8("a\xf0\x9f\x99"), "a\ufffd\ufffd\ufffd");
  EXPECT_EQ(base::valid_utf8("\x99\x82 b"), "\ufffd\ufffd b");
}

}  // namespace
