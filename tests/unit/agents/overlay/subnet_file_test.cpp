#include "agents/overlay/subnet_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "lib/base/error.h"
#include "lib/base/file_descriptor.h"

namespace overlay {
namespace {

class SubnetFileTest : public testing::Test {
 protected:
  SubnetFileTest() {
    char pattern[] = "/tmp/labctl-test-subnet-XXXXXX";
    folder_ = ::mkdtemp(pattern);
  }
  ~SubnetFileTest() override { std::filesystem::remove_all(folder_); }

  std::string path() const { return folder_ + "/flannel/subnet.env"; }
  std::string folder_;
  SubnetFile file_{*netlink::Prefix::parse("10.244.0.0/16"), *netlink::Prefix::parse("10.244.1.0/24"), 1450, true};
};

TEST_F(SubnetFileTest, IsFlannels) {
  EXPECT_TRUE(write_subnet_file(path(), file_));
  EXPECT_EQ(base::read_file(path()),
            "FLANNEL_NETWORK=10.244.0.0/16\nFLANNEL_SUBNET=10.244.1.1/24\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n");
}

TEST_F(SubnetFileTest, IsReplacedAsAWholeAndOnlyWhenItChanges) {
  write_subnet_file(path(), file_);
  base::FileDescriptor reader = base::open_file(path(), 0);
  EXPECT_FALSE(write_subnet_file(path(), file_));
  file_.mtu = 1500;
  file_.ip_masquerade = false;
  EXPECT_TRUE(write_subnet_file(path(), file_));
  EXPECT_NE(base::read_all(reader.get()).find("1450"), std::string::npos) << "a reader's file changed under it";
  EXPECT_NE(base::read_file(path()).find("FLANNEL_MTU=1500\nFLANNEL_IPMASQ=false\n"), std::string::npos);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_ + "/flannel"), {}), 1) << "something is left";
}

TEST_F(SubnetFileTest, RefusalNamesTheFile) {
  base::FileDescriptor blocker = base::open_file(folder_ + "/flannel", O_CREAT | O_WRONLY, 0600);
  try {
    write_subnet_file(path(), file_);
    FAIL() << "should have thrown";
  } catch (const base::Error& error) {
    EXPECT_NE(std::string(error.what()).find(path()), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace overlay
