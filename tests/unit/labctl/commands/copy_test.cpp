#include "labctl/commands/copy.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "lib/base/file_descriptor.h"
#include "tests/unit/labctl/commands/command_line.h"
#include "tests/unit/labctl/lab/fake_lab.h"

namespace commands {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

// The node's files are below node_, ours below here_.
class CopyTest : public ::testing::Test {
 protected:
  CopyTest() { lab_.on_websocket = fake::run_here; }

  static void write(const fs::path& path, const std::string& contents, unsigned mode = 0644) {
    fs::create_directories(path.parent_path());
    base::write_all(base::open_file(path, O_WRONLY | O_CREAT | O_TRUNC, 0600).get(), contents);
    ::chmod(path.c_str(), mode);
  }
  static unsigned mode_of(const fs::path& path) {
    struct stat status {};
    EXPECT_EQ(::lstat(path.c_str(), &status), 0) << path;
    return status.st_mode & 07777;
  }
  std::string in_node(const std::string& path) { return "fake:a:" + (node_.path() / path).string(); }
  std::string here(const std::string& path) { return (here_.path() / path).string(); }
  static void copy(const std::vector<std::string>& arguments) {
    std::vector<std::string> all{"cp"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    Outcome outcome = labctl(all);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  }
  static std::string refusal(const std::vector<std::string>& arguments) {
    std::vector<std::string> all{"cp"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    Outcome outcome = labctl(all);
    EXPECT_EQ(outcome.exit_code, kFailed);
    return outcome.err;
  }
  // What the node's tar is to have written.
  void send_archive(const std::string& archive) {
    lab_.on_websocket = [archive](fake::Socket socket, const base::http::Request&) {
      socket->send_binary(fake::on_channel(1, archive));
      socket->send_binary(fake::status({{"exit", 0}}));
      socket->resume();
    };
  }
  std::vector<std::string> left_here() {
    std::vector<std::string> names;
    for (const fs::directory_entry& entry : fs::directory_iterator(here_.path()))
      names.push_back(entry.path().filename());
    return names;
  }

  fake::RuntimeDirectory directory_;
  fake::Lab lab_;
  fake::TemporaryFolder node_, here_;
};

TEST_F(CopyTest, AFileKeepsContentsAndPermissionsBothWays) {
  std::string contents("\0\xff binary\n", 10);
  write(here("f"), contents, 0751);
  copy({here("f"), in_node("")});
  copy({here("f"), in_node("other")});
  EXPECT_EQ(base::read_file(node_.path() / "f"), contents);
  EXPECT_EQ(mode_of(node_.path() / "f"), 0751u);
  EXPECT_EQ(base::read_file(node_.path() / "other"), contents);
  copy({in_node("f"), here("back")});
  EXPECT_EQ(base::read_file(here("back")), contents);
  EXPECT_EQ(mode_of(here("back")), 0751u);
}

TEST_F(CopyTest, AnExistingFileIsReplaced) {
  write(here("f"), "new");
  write(node_.path() / "f", "old and longer");
  copy({here("f"), in_node("f")});
  EXPECT_EQ(base::read_file(node_.path() / "f"), "new");
  write(here("g"), "old and longer");
  copy({in_node("f"), here("g")});
  EXPECT_EQ(base::read_file(here("g")), "new");
}

TEST_F(CopyTest, FoldersNeedToBeMeant) {
  write(here("d/x"), "x");
  write(node_.path() / "e/y", "y");
  EXPECT_THAT(refusal({here("d"), in_node("")}), HasSubstr("-r copies it"));
  EXPECT_THAT(refusal({in_node("e"), here("")}), HasSubstr("-r copies it"));
}

TEST_F(CopyTest, FoldersComeWithAllThatIsInThem) {
  write(here("d/sub/x"), "x", 0600);
  fs::create_symlink("sub/x", here("d/link"));
  copy({"-r", here("d"), in_node("")});
  EXPECT_EQ(base::read_file(node_.path() / "d/sub/x"), "x");
  EXPECT_EQ(fs::read_symlink(node_.path() / "d/link"), "sub/x");
  copy({"-r", in_node("d"), here("copy")});
  EXPECT_EQ(base::read_file(here("copy/sub/x")), "x");
  EXPECT_EQ(mode_of(here("copy/sub/x")), 0600u);
  EXPECT_EQ(fs::read_symlink(here("copy/link")), "sub/x");
}

TEST_F(CopyTest, ASecondCopyGoesIntoTheFirst) {
  write(here("d/x"), "1");
  write(node_.path() / "d/kept", "kept");
  copy({"-r", here("d"), in_node("")});
  write(here("d/x"), "2");
  copy({"-r", here("d"), in_node("")});
  EXPECT_EQ(base::read_file(node_.path() / "d/x"), "2");
  EXPECT_EQ(base::read_file(node_.path() / "d/kept"), "kept");
  write(here("out/d/own"), "own");
  copy({"-r", in_node("d"), here("out")});
  EXPECT_EQ(base::read_file(here("out/d/x")), "2");
  EXPECT_EQ(base::read_file(here("out/d/own")), "own");
}

TEST_F(CopyTest, NamesMayBeAnything) {
  for (const char* name : {"a b", "-rf", "$(touch x)", "a'b\"c", "ü", "a\nb"}) {
    write(here(name), name);
    copy({here(name), in_node("")});
    EXPECT_EQ(base::read_file(node_.path() / name), name);
    copy({in_node(name), here("out")});
    EXPECT_EQ(base::read_file(here("out")), name);
  }
}

TEST_F(CopyTest, WhatSaysThatItIsEmptyIsReadAllTheSame) {
  copy({"fake:a:/proc/version", here("version")});
  EXPECT_EQ(base::read_file(here("version")), base::read_file("/proc/version"));
  copy({"/proc/version", in_node("version")});
  EXPECT_EQ(base::read_file(node_.path() / "version"), base::read_file("/proc/version"));
  write(here("empty"), "");
  copy({here("empty"), in_node("empty")});
  EXPECT_EQ(base::read_file(node_.path() / "empty"), "");
}

TEST_F(CopyTest, ARefusalNamesThePathAndLeavesNothing) {
  write(here("f"), "x");
  EXPECT_EQ(refusal({here("nosuch"), in_node("")}), "labctl: " + here("nosuch") + ": no such file or folder\n");
  EXPECT_EQ(refusal({in_node("nosuch"), here("")}),
            "labctl: copy from " + in_node("nosuch") + ": no such file or folder\n");
  EXPECT_THAT(refusal({here("f"), in_node("no/such/f")}), HasSubstr("copy to " + in_node("no/such/f") + ": no folder"));
  EXPECT_THAT(refusal({here("f"), in_node("new/")}), HasSubstr("no such folder"));
  EXPECT_THAT(refusal({in_node("nosuch"), here("new/")}), HasSubstr("new/: no such folder"));
  EXPECT_THAT(refusal({"fake:a:/dev/null", here("null")}), HasSubstr("is no regular file"));
  EXPECT_THAT(refusal({"fake:b:/x", here("")}), HasSubstr("has no node or pod \"b\""));
  EXPECT_THAT(left_here(), ::testing::ElementsAre("f"));
}

// ---- a node's archive may have been made by anybody

TEST_F(CopyTest, AnArchiveDoesNotLeadOutOfItsFolder) {
  write(here_.path() / "away/evil", "evil");
  std::string archive =
      base::run_checked({"tar", "-cPf", "-", "-C", here("away"), "--transform", "s,^,../../,", "evil"});
  fs::remove_all(here("away"));
  fs::create_directories(here("deep/er"));
  send_archive(archive);
  EXPECT_NE(refusal({in_node("f"), here("deep/er/f")}), "");
  EXPECT_FALSE(fs::exists(here("evil")));
  EXPECT_FALSE(fs::exists(here("deep/evil")));
}

TEST_F(CopyTest, AnArchiveDoesNotWriteThroughItsOwnLinks) {
  fs::create_directories(here("target"));
  fs::create_directories(here("src"));
  fs::create_symlink(here("target"), here("src/d"));
  write(here("src/x"), "evil");
  std::string file = here("archive.tar");
  base::run_checked({"tar", "-cf", file, "-C", here("src"), "d"});
  base::run_checked({"tar", "-rf", file, "-C", here("src"), "--transform", "s,^x,d/x,", "x"});
  send_archive(base::read_file(file));
  labctl({"cp", "-r", in_node("d"), here("out")});
  EXPECT_TRUE(fs::is_empty(here("target")));
}

TEST_F(CopyTest, SetIdBitsAndSpecialFilesStayThere) {
  write(node_.path() / "d/tool", "x", 04755);
  ::mkfifo((node_.path() / "d/fifo").c_str(), 0644);
  copy({"-r", in_node("d"), here("d")});
  EXPECT_EQ(mode_of(here("d/tool")), 0755u);
  EXPECT_FALSE(fs::exists(fs::symlink_status(here("d/fifo"))));
}

TEST_F(CopyTest, AnArchiveOfSomethingElseIsRefused) {
  write(here("src/other"), "x");
  std::string archive = base::run_checked({"tar", "-cf", "-", "-C", here("src"), "other"});
  fs::remove_all(here("src"));
  send_archive(archive);
  EXPECT_THAT(refusal({in_node("f"), here("f")}), HasSubstr("nothing came"));
  EXPECT_TRUE(left_here().empty());
}

TEST_F(CopyTest, ALabThatDiesLeavesNothingHalf) {
  lab_.on_websocket = [this](fake::Socket socket, const base::http::Request&) {
    socket->send_binary(fake::on_channel(1, "half"));
    socket->resume();
    ::kill(lab_.pid(), SIGKILL);
    boost::asio::post(lab_.loop(), [socket] { socket->close(); });
  };
  EXPECT_THAT(refusal({in_node("f"), here("f")}), HasSubstr("lab fake has ended"));
  EXPECT_TRUE(left_here().empty());
}

}  // namespace
}  // namespace commands
