#include "labctl/lab/kubectl.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/stat.h>

#include "labctl/kernel/probe.h"
#include "labctl/lab/start.h"
#include "tests/unit/labctl/lab/fake_lab.h"

namespace lab {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

// With a shell script in kubectl's place.
class KubectlTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!kernel::probe_user_namespaces().work) GTEST_SKIP() << "no user namespaces";
    path_ = std::getenv("PATH");
    ::setenv("PATH", (programs_.path().string() + ":" + path_).c_str(), 1);
  }
  void TearDown() override {
    if (!path_.empty()) ::setenv("PATH", path_.c_str(), 1);
  }
  void be_kubectl(const std::string& script) {
    std::string file = programs_.path() / "kubectl";
    base::write_all(base::open_file(file, O_WRONLY | O_CREAT | O_TRUNC, 0755).get(), "#!/bin/bash\n" + script);
  }

  fake::RuntimeDirectory directory_;
  fake::TemporaryFolder programs_;
  fake::Lab lab_;
  Control control_{lab_.folder()};
  std::string path_;
};

TEST_F(KubectlTest, FindsTheApiServerOnLoopback) {
  std::string target;
  lab_.on_websocket = [&](fake::Socket socket, const base::http::Request& request) {
    target = request.target;
    socket->on_message([socket](std::string data, bool) {
      socket->send_binary("answer to " + data);
      socket->close();
    });
    socket->resume();
  };
  be_kubectl("exec 3<>/dev/tcp/127.0.0.1/8080; echo hello >&3; cat <&3");
  CommandResult result = capture_kubectl(control_, {"get", "pods"});
  EXPECT_EQ(result.output, "answer to hello\n");
  EXPECT_EQ(result.exit_code, 0) << result.error_output;
  EXPECT_THAT(target, ::testing::AllOf(HasSubstr("node=a"), HasSubstr("address=192.168.1.1"), HasSubstr("port=8080")));
}

TEST_F(KubectlTest, HasAConfigurationOfItsOwn) {
  ::setenv("KUBECONFIG", "/home/me/.kube/config", 1);
  be_kubectl("echo \"$@\"; cat $KUBECONFIG");
  CommandResult result = capture_kubectl(control_, {"get", "pods", "-o", "wide"});
  ::unsetenv("KUBECONFIG");
  EXPECT_THAT(result.output, HasSubstr("--cache-dir=" + lab_.folder().path.string() + "/kubectl get pods -o wide\n"));
  EXPECT_THAT(result.output, HasSubstr("server: \"http://127.0.0.1:8080\""));
  EXPECT_THAT(result.output, HasSubstr("current-context: fake"));
}

TEST_F(KubectlTest, APluginIsCalledByItsNameFirst) {
  be_kubectl("echo \"$@\"");
  base::open_file(programs_.path() / "kubectl-tree", O_WRONLY | O_CREAT, 0755);
  EXPECT_EQ(capture_kubectl(control_, {"tree", "x"}).output, "tree x\n");
}

TEST_F(KubectlTest, SeesTheUsersFilesButNotTheNetwork) {
  std::string secret = programs_.path() / "web.yaml";
  base::write_all(base::open_file(secret, O_WRONLY | O_CREAT, 0600).get(), "mine\n");
  be_kubectl("cat \"${@: -1}\"; grep -c : /proc/net/dev; id -u");
  CommandResult result = capture_kubectl(control_, {"apply", "-f", secret});
  EXPECT_EQ(result.output, "mine\n1\n" + std::to_string(::geteuid()) + "\n") << result.error_output;
}

TEST_F(KubectlTest, ItsExitCodeInputAndErrorsAreItsOwn) {
  be_kubectl("cat; echo bad >&2; exit 3");
  CommandResult result = capture_kubectl(control_, {"apply", "-f", "-"}, "kind: Pod\n");
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_EQ(result.output, "kind: Pod\n");
  EXPECT_EQ(result.error_output, "bad\n");
}

TEST_F(KubectlTest, OneThatTakesTooLongIsKilled) {
  be_kubectl("exec sleep 100");
  CommandResult result = capture_kubectl(control_, {"get", "-w"}, {}, 50ms);
  EXPECT_TRUE(result.timed_out);
  EXPECT_EQ(result.exit_code, 128 + SIGKILL);
}

TEST_F(KubectlTest, ALabThatDiedMeanwhileIsTheError) {
  std::string first_process = std::to_string(lab_.pid());
  be_kubectl("kill -9 " + first_process + "; timeout 5 tail --pid=" + first_process + " -f /dev/null; exit 0");
  try {
    capture_kubectl(control_, {"get", "-w"});
    FAIL();
  } catch (const base::Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("lab fake has ended"));
  }
}

TEST_F(KubectlTest, ALabWithoutAClusterHasNoApiServer) {
  lab_.answers["GET /v1/lab"] = fake::answer(200, R"({"name": "fake", "state": "ready"})");
  try {
    capture_kubectl(control_, {"get"});
    FAIL();
  } catch (const base::Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("no API server"));
  }
}

TEST_F(KubectlTest, ThatItIsNotInstalledIsSaid) {
  ::setenv("PATH", "/nosuch", 1);
  if (!std::filesystem::exists("/usr/sbin/kubectl") && !std::filesystem::exists("/sbin/kubectl")) {
    EXPECT_THROW(capture_kubectl(control_, {"get"}), CannotRun);
  }
}

}  // namespace
}  // namespace lab
