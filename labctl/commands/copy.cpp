#include "labctl/commands/copy.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <vector>

#include "labctl/lab/exec_streams.h"
#include "lib/base/error.h"
#include "lib/base/file_descriptor.h"
#include "lib/base/process.h"

namespace commands {

namespace fs = std::filesystem;

namespace {

// ---- what runs in the node; $1 and so on are given, never pasted

// Unpacks beside the destination, and puts it in place whole: $1 destination, $2 name in the archive.
constexpr const char* kUnpackInNode = R"sh(
destination=$1 name=$2
case $destination in */) [ -d "$destination" ] || { echo "no such folder" >&2; exit 1; } ;; esac
if [ -d "$destination" ]; then folder=$destination; target=${destination%/}/$name; else
  folder=$(dirname -- "$destination"); target=$destination
  [ -d "$folder" ] || { echo "no folder $folder" >&2; exit 1; }
fi
[ -w "$folder" ] || { echo "read-only: the host's files cannot be changed; what a lab may write is below /tmp, /run, /root, /home, /var/log and the like" >&2; exit 1; }
work=$(mktemp -d -- "$folder/.labctl-cp.XXXXXX") || exit 1
trap 'rm -rf -- "$work"' EXIT
trap 'exit 1' HUP INT TERM
tar -xpf - --no-same-owner -C "$work" || exit 1
if [ -d "$target" ] && [ -d "$work/$name" ]; then cp -rp -- "$work/$name/." "$target/"
elif [ -d "$target" ]; then echo "$target is a folder" >&2; exit 1
else mv -fT -- "$work/$name" "$target"; fi
)sh";

// $1 folder, $2 name, $3 "recursive" or nothing. What is below /proc says that it is empty until it is read.
constexpr const char* kPackInNode = R"sh(
path=$1/$2 name=$2
[ -e "$path" ] || [ -L "$path" ] || { echo "no such file or folder" >&2; exit 1; }
[ -r "$path" ] || { echo "may not be read" >&2; exit 1; }
if [ "$3" = recursive ]; then exec tar -cf - -C "$1" -- "$name"; fi
[ ! -d "$path" ] || { echo "is a folder; -r copies it" >&2; exit 1; }
[ -f "$path" ] || { echo "is no regular file" >&2; exit 1; }
if [ -s "$path" ]; then exec tar -chf - -C "$1" -- "$name"; fi
work=$(mktemp -d) || exit 1
trap 'rm -rf -- "$work"' EXIT
trap 'exit 1' HUP INT TERM
cat -- "$path" > "$work/$name" && chmod --reference="$path" -- "$work/$name" && tar -cf - -C "$work" -- "$name"
)sh";

// ---- a tar here

class LocalTar {
 public:
  LocalTar(std::vector<std::string> arguments, int input, int output)
      : said_(base::check_system("keep tar's errors", ::memfd_create("tar", MFD_CLOEXEC))) {
    base::Program program;
    program.arguments = std::move(arguments);
    program.arguments.insert(program.arguments.begin(), "tar");
    const char* path = std::getenv("PATH");
    program.environment = {{"PATH", path == nullptr ? "/usr/bin:/bin" : path}, {"LC_ALL", "C"}};
    program.input = input;
    program.output = output;
    program.error = said_.get();
    pid_ = base::start_program(program);
  }
  // One that nobody waited for is of no use any more, and may wait for us.
  ~LocalTar() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  LocalTar(const LocalTar&) = delete;
  LocalTar& operator=(const LocalTar&) = delete;

  // Empty where all went well.
  std::string wait() {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    if (base::exit_code_of(status) == 0) return {};
    ::lseek(said_.get(), 0, SEEK_SET);
    std::string said = base::read_all(said_.get());
    return said.empty() ? "tar failed" : said.substr(0, said.find('\n'));
  }

 private:
  base::FileDescriptor said_;
  pid_t pid_ = -1;
};

class TemporaryFolder {
 public:
  explicit TemporaryFolder(const fs::path& beside) {
    std::string pattern = beside / ".labctl-cp.XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr) throw base::Error::system("make a folder in " + beside.string());
    path_ = pattern;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

// ---- paths

struct Split {
  fs::path folder;
  std::string name;
};

// "a/b/" is b in a; what has no name of its own ("/", "..") cannot be copied under it.
Split split(const std::string& path) {
  fs::path plain = fs::path(path).lexically_normal();
  if (!plain.has_filename()) plain = plain.parent_path();
  std::string name = plain.filename().string();
  if (name.empty() || name == "." || name == "..") throw base::Error(path + " has no name to be copied under");
  fs::path folder = plain.parent_path();
  return {folder.empty() ? fs::path(".") : folder, name};
}

std::string shown(const lab::Control& control, const NodePlace& place) {
  return control.folder().name + ":" + place.node + ":" + place.path;
}

std::string first_line(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

// Runs SCRIPT in the node; throws what it said where it failed.
void run_in_node(lab::Control& control, const NodePlace& place, std::vector<std::string> arguments,
                 const lab::ExecStreams& streams) {
  lab::ExecRequest request;
  request.node = place.node;
  request.arguments = std::move(arguments);
  request.environment = {{"LC_ALL", "C"}};
  lab::ExecResult result = lab::exec_with_streams(control.folder(), request, streams);
  if (!result.could_not_start.empty()) throw base::Error(result.could_not_start);
  if (result.exit_code >= 128) throw base::Error("interrupted");
  if (result.exit_code != 0) throw base::Error(result.said.empty() ? "failed" : first_line(result.said));
}

// ---- in

void check_source(const std::string& source, const CopyOptions& options) {
  std::error_code error;
  fs::file_status status = fs::status(source, error);
  if (!fs::exists(status)) throw base::Error(source + ": no such file or folder");
  if (options.recursive) return;
  if (fs::is_directory(status)) throw base::Error(source + " is a folder; -r copies it");
  if (!fs::is_regular_file(status)) throw base::Error(source + " is no regular file");
}

// As in the node: what says that it is empty may not be.
fs::path staged_folder(const Split& from, const TemporaryFolder& stage) {
  fs::path file = from.folder / from.name;
  std::string text = base::read_file(file);
  if (text.empty()) return from.folder;
  base::FileDescriptor copy = base::open_file(stage.path() / from.name, O_WRONLY | O_CREAT | O_EXCL, 0600);
  base::write_all(copy.get(), text);
  fs::permissions(stage.path() / from.name, fs::status(file).permissions());
  return stage.path();
}

}  // namespace

void copy_in(lab::Control& control, const std::string& source, const NodePlace& destination,
             const CopyOptions& options) {
  check_source(source, options);
  Split from = split(fs::absolute(source).string());
  fs::path folder = from.folder;
  std::unique_ptr<TemporaryFolder> stage;
  if (!options.recursive && fs::file_size(source) == 0) {
    stage = std::make_unique<TemporaryFolder>(fs::temp_directory_path());
    folder = staged_folder(from, *stage);
  }
  base::Pipe pipe = base::make_pipe();
  LocalTar tar({options.recursive ? "-cf" : "-chf", "-", "-C", folder.string(), "--", from.name}, -1,
               pipe.write_end.get());
  pipe.write_end.reset();
  lab::ExecStreams streams;
  streams.input = pipe.read_end.get();
  streams.pass_signals = true;
  streams.on_progress = options.on_progress;
  base::in_context("copy to " + shown(control, destination), [&] {
    run_in_node(control, destination, {"sh", "-c", kUnpackInNode, "cp", destination.path, from.name}, streams);
  });
  pipe.read_end.reset();
  std::string failure = tar.wait();
  if (!failure.empty()) throw base::Error("copy " + source + ": " + failure);
}

// ---- out

namespace {

// What an archive of a stranger's may not bring along.
void make_harmless(const fs::path& root) {
  auto mend = [](const fs::path& path) {
    struct stat status {};
    if (::lstat(path.c_str(), &status) < 0 || S_ISLNK(status.st_mode)) return;
    if (!S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode)) {
      fs::remove(path);
    } else if ((status.st_mode & (S_ISUID | S_ISGID)) != 0) {
      ::chmod(path.c_str(), status.st_mode & 0777);
    }
  };
  mend(root);
  if (!fs::is_directory(fs::symlink_status(root))) return;
  std::vector<fs::path> found;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(root)) found.push_back(entry.path());
  for (const fs::path& path : found) mend(path);
}

// Into an existing folder, file by file; else by its name at once.
void put_in_place(const fs::path& from, const fs::path& to) {
  bool folder = fs::is_directory(fs::symlink_status(from));
  if (folder && fs::is_directory(to)) {
    std::vector<fs::path> entries;
    for (const fs::directory_entry& entry : fs::directory_iterator(from)) entries.push_back(entry.path());
    for (const fs::path& entry : entries) put_in_place(entry, to / entry.filename());
    return;
  }
  if (!folder && fs::is_directory(fs::symlink_status(to))) throw base::Error(to.string() + " is a folder");
  std::error_code error;
  fs::rename(from, to, error);
  if (error) throw base::Error::system("write " + to.string(), error.value());
}

// Where the copy of a thing called NAME is to be.
fs::path target_of(const std::string& destination, const std::string& name) {
  if (fs::is_directory(destination)) return fs::path(destination) / name;
  if (destination.ends_with('/')) throw base::Error(destination + ": no such folder");
  return destination;
}

}  // namespace

void copy_out(lab::Control& control, const NodePlace& source, const std::string& destination,
              const CopyOptions& options) {
  Split from = split(source.path);
  fs::path target = fs::absolute(target_of(destination, from.name));
  TemporaryFolder work(target.parent_path());
  base::Pipe pipe = base::make_pipe();
  // GNU tar itself refuses names that lead out of the folder, and makes links that do so last of all.
  LocalTar tar({"-xpf", "-", "--no-same-owner", "-C", work.path().string()}, pipe.read_end.get(), -1);
  pipe.read_end.reset();
  lab::ExecStreams streams;
  streams.output = pipe.write_end.get();
  streams.pass_signals = true;
  streams.on_progress = options.on_progress;
  base::in_context("copy from " + shown(control, source), [&] {
    run_in_node(control, source,
                {"sh", "-c", kPackInNode, "cp", from.folder.string(), from.name, options.recursive ? "recursive" : ""},
                streams);
  });
  pipe.write_end.reset();
  std::string failure = tar.wait();
  if (!failure.empty()) throw base::Error("copy to " + target.string() + ": " + failure);
  fs::path copy = work.path() / from.name;
  make_harmless(copy);
  if (!fs::exists(fs::symlink_status(copy)))
    throw base::Error("copy from " + shown(control, source) + ": nothing came");
  put_in_place(copy, target);
}

}  // namespace commands
