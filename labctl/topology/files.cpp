#include "labctl/topology/files.h"

#include <charconv>
#include <filesystem>

#include "labctl/topology/values.h"

namespace topology {
namespace {

// The one way to write PATH: without empty and "." components, and /var/run is /run.
std::string normal(const std::string& path) {
  std::string written = ("/" / std::filesystem::path(path).relative_path()).lexically_normal();
  return written.rfind("/var/run/", 0) == 0 ? written.substr(4) : written;
}

// Where a node can have files of its own: the root itself and the kernel's own places are not among them.
std::string refuse_place(const std::string& written) {
  bool absolute = !written.empty() && written.front() == '/' && written.back() != '/' && !written.ends_with("/.");
  if (!absolute || (written + "/").find("/../") != std::string::npos) {
    return fmt::format("\"{}\" is no place for a file, write an absolute path without \"..\": /etc/app.conf", written);
  }
  std::string path = normal(written);
  if (path.rfind('/') == 0)
    return fmt::format("\"{}\" is in the root itself, put it into a folder: /etc{}", path, path);
  for (const char* kernels : {"/proc/", "/sys/", "/dev/", "/run/labctl/"}) {
    if (path.rfind(kernels, 0) == 0)
      return fmt::format("\"{}\" cannot be written, choose a place outside {}", path, kernels);
  }
  return {};
}

Type<unsigned> mode_type() {
  return scalar_type<unsigned>("a mode in octal digits (0644)",
                               [](const yaml::Node& node) -> std::optional<unsigned> {
                                 unsigned mode = 0;
                                 const char* last = node.text.data() + node.text.size();
                                 auto [end, failure] = std::from_chars(node.text.data(), last, mode, 8);
                                 if (failure != std::errc() || end != last || mode > 0777) return std::nullopt;
                                 return mode;
                               },
                               {{"type", {"string", "integer"}}, {"pattern", "^0?[0-7]{1,3}$"}});
}

Type<File> file_type() {
  Type<std::string> text = text_type("text, or a mapping of text and mode");
  ObjectKind<File> kind{"file", "A file that is written into the node.", "{text: \"exit 0\", mode: 0755}"};
  kind.fields = {
      required(field<File>("text", &File::text, text_type(), "What stands in it.", "\"a = 1\"")),
      field<File>("mode", &File::mode, mode_type(), "Who may read, write and run it; 0644 where left out.", "0755")};
  kind.short_form = [text](const yaml::Node& node, File& file, Faults& faults) {
    return text.decode(node, file.text, faults);
  };
  kind.short_doc = "its text";
  SchemaBuilder unused;
  kind.short_schema = text.schema(unused);
  return object_type(std::move(kind));
}

}  // namespace

Type<std::vector<File>> files_type() {
  return map_of<File, std::vector<File>>("a mapping of files", file_type(),
                                         [](std::vector<File>& files, const yaml::Entry& entry, File file) {
                                           file.path = normal(entry.key);
                                           file.at = entry.at;
                                           files.push_back(std::move(file));
                                         },
                                         {refuse_place, "^/.*[^/]/"});
}

}  // namespace topology
