// Users are found as /etc/passwd and /etc/group have them.
#include "labctl/supervisor/users.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "lib/base/error.h"

namespace {

namespace fs = std::filesystem;
using supervisor::find_user;
using supervisor::User;
using testing::ElementsAre;

class UsersTest : public testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(root_ / "etc");
    std::ofstream(root_ / "etc/passwd") << "root:x:0:0:root:/root:/bin/bash\nweb:x:33:34:web:/var/www:/bin/sh\n";
    std::ofstream(root_ / "etc/group") << "root:x:0:\nwww:x:34:\nlogs:x:4:other,web\nmail:x:8:webmaster\n";
  }
  void TearDown() override { fs::remove_all(root_); }

  fs::path root_ = fs::path(testing::TempDir()) / ("users-" + std::to_string(::getpid()));
};

TEST_F(UsersTest, ByNameAndByNumber) {
  for (const char* name : {"web", "33"}) {
    User user = find_user(name, root_);
    EXPECT_EQ(user.name, "web");
    EXPECT_EQ(user.id, 33u);
    EXPECT_EQ(user.group, 34u);
    EXPECT_EQ(user.home, "/var/www");
    EXPECT_THAT(user.groups, ElementsAre(34, 4)) << "its own group and those that list it, and no other";
  }
}

TEST_F(UsersTest, OneThatIsNotThereIsRefused) {
  EXPECT_THROW(find_user("we", root_), base::Error);
  EXPECT_THROW(find_user("34", root_), base::Error);
}

}  // namespace
