#include "labctl/kernel/bundle.h"

#include <sys/stat.h>
#include <unistd.h>

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value_to.hpp>
#include <exception>

#include "lib/base/error.h"
#include "lib/base/utf8.h"

namespace kernel {

namespace json = boost::json;

std::string bundle_of(const LabSpec& spec) {
  json::array needs;
  for (const std::string& need : spec.needs) needs.emplace_back(need);
  json::array mounts;
  for (const Mount& mount : spec.mounts) {
    mounts.push_back(json::object{{"source", mount.source}, {"target", mount.target}, {"writable", mount.writable}});
  }
  json::object files;
  for (const auto& [path, text] : spec.files) files[path] = text;
  json::object kernel{{"provider", spec.provider},
                      {"version", spec.kernel_version},
                      {"reason", spec.reason},
                      {"needs", std::move(needs)},
                      {"memoryMiB", spec.memory_mib}};
  json::object bundle{{"name", spec.name},
                      {"kernel", std::move(kernel)},
                      {"topology", {{"path", spec.topology_path}, {"text", spec.topology_text}}},
                      {"files", std::move(files)},
                      {"mounts", std::move(mounts)},
                      {"options", spec.options}};
  return json::serialize(bundle);
}

json::object read_bundle(int descriptor) {
  struct stat status {};
  base::check_system("look at the bundle", ::fstat(descriptor, &status));
  std::string text(static_cast<std::size_t>(status.st_size), '\0');
  std::size_t done = 0;
  while (done < text.size()) {
    ssize_t count = ::pread(descriptor, text.data() + done, text.size() - done, static_cast<off_t>(done));
    if (base::check_system("read the bundle", count) == 0) throw base::Error("read the bundle: it is cut short");
    done += static_cast<std::size_t>(count);
  }
  try {
    return json::parse(text).as_object();
  } catch (const std::exception& error) {
    throw base::Error(std::string("read the bundle: ") + error.what());
  }
}

namespace {

const json::object& kernel_part(const json::object& bundle) {
  const json::value* part = bundle.if_contains("kernel");
  if (part == nullptr || !part->is_object()) throw base::Error("the bundle names no kernel");
  return part->get_object();
}

std::string text_of(const json::object& object, const char* key) {
  const json::value* value = object.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

}  // namespace

std::string bundle_provider(const json::object& bundle) {
  return text_of(kernel_part(bundle), "provider");
}

std::string bundle_name(const json::object& bundle) {
  return text_of(bundle, "name");
}

unsigned bundle_memory_mib(const json::object& bundle) {
  const json::value* value = kernel_part(bundle).if_contains("memoryMiB");
  return value != nullptr && value->is_number() ? value->to_number<unsigned>() : LabSpec{}.memory_mib;
}

std::vector<std::string> bundle_needs(const json::object& bundle) {
  std::vector<std::string> needs;
  const json::value* value = kernel_part(bundle).if_contains("needs");
  if (value == nullptr || !value->is_array()) return needs;
  for (const json::value& need : value->get_array()) needs.emplace_back(need.as_string());
  return needs;
}

std::vector<Mount> bundle_mounts(const json::object& bundle) {
  std::vector<Mount> mounts;
  const json::value* value = bundle.if_contains("mounts");
  if (value == nullptr || !value->is_array()) return mounts;
  for (const json::value& entry : value->get_array()) {
    const json::object& mount = entry.as_object();
    const json::value* writable = mount.if_contains("writable");
    bool is_writable = writable != nullptr && writable->is_bool() && writable->get_bool();
    mounts.push_back({text_of(mount, "source"), text_of(mount, "target"), is_writable});
  }
  return mounts;
}

std::string progress_line(const std::string& phase, const std::string& message, double milliseconds) {
  return json::serialize(json::object{{"phase", phase}, {"message", message}, {"ms", milliseconds}}) + "\n";
}

std::string error_line(const std::string& message) {
  return base::valid_utf8(json::serialize(json::object{{"error", message}})) + "\n";
}

}  // namespace kernel
