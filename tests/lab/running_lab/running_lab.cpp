#include "tests/lab/running_lab/running_lab.h"

#include <fcntl.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <cstdlib>

#include "labctl/kernel/provider.h"
#include "lib/base/error.h"

namespace running_lab {

namespace fs = std::filesystem;

namespace {

// Ends with the test program; its labs have ended before.
struct RuntimeDirectory {
  RuntimeDirectory() {
    char name[] = "/tmp/labctl-test-XXXXXX";
    if (::mkdtemp(name) == nullptr) throw base::Error::system("make a folder below /tmp");
    path = name;
    ::setenv("LABCTL_RUNTIME_DIR", name, 1);
  }
  ~RuntimeDirectory() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
  fs::path path;
};

const fs::path& runtime_directory() {
  static RuntimeDirectory directory;
  return directory.path;
}

fs::path write_topology(const std::string& text) {
  static int count = 0;
  fs::path path = runtime_directory() / ("topology-" + std::to_string(++count) + ".yaml");
  base::FileDescriptor file = base::open_file(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  base::write_all(file.get(), text);
  return path;
}

lab::StartOptions options(const std::string& kernel, const std::string& name) {
  lab::StartOptions options;
  if (!kernel.empty()) options.kernel = kernel;
  options.name = name;
  return options;
}

}  // namespace

RunningLab::RunningLab(const std::string& topology, const std::string& kernel, const std::string& name)
    : file_(write_topology(topology)), prepared_(lab::prepare(file_, options(kernel, name))) {
  lab::start(prepared_, nullptr);
  control_ = std::make_unique<lab::Control>(prepared_.folder);
}

RunningLab::~RunningLab() {
  try {
    lab::end_lab(prepared_.folder);
    EXPECT_FALSE(fs::exists(prepared_.folder.path)) << "its folder is left";
  } catch (const base::Error& error) {
    ADD_FAILURE() << "the lab does not end: " << error.what();
  }
}

std::string RunningLab::run(const std::string& node, const std::string& command) {
  lab::Command shell;
  shell.node = node;
  shell.arguments = {"sh", "-c", command + " 2>&1"};
  shell.timeout = std::chrono::seconds(60);
  return control_->run(shell).output;
}

std::string RunningLab::events() {
  std::string text, lines;
  control_->stream("/v1/events", [&](std::string_view piece) { return text.append(piece), true; });
  for (size_t start = 0, end; (end = text.find('\n', start)) != std::string::npos; start = end + 1) {
    boost::json::value event = boost::json::parse(text.substr(start, end - start));
    for (const char* key : {"node", "kind", "message"}) {
      lines += std::string(event.at(key).as_string()) + (*key == 'k' ? ": " : *key == 'n' ? " " : "\n");
    }
  }
  return lines;
}

void OnWhateverKernel::SetUpTestSuite() {
  runtime_directory();
}

void OnAnEmbeddedKernel::SetUpTestSuite() {
  runtime_directory();
}

void OnAnEmbeddedKernel::SetUp() {
  if (std::string why = obstacle(); !why.empty()) GTEST_SKIP() << why;
}

std::string OnAnEmbeddedKernel::obstacle() {
  auto availability = kernel::make_uml_provider()->availability();
  return availability.available ? "" : availability.why;
}

void EachKernel::SetUpTestSuite() {
  runtime_directory();
}

void EachKernel::SetUp() {
  auto provider = kernel() == "uml" ? kernel::make_uml_provider() : kernel::make_host_provider();
  if (auto availability = provider->availability(); !availability.available) GTEST_SKIP() << availability.why;
}

std::string name_of_kernel(const testing::TestParamInfo<std::string>& info) {
  return info.param;
}

}  // namespace running_lab
