#include "labctl/supervisor/source.h"

#include <fcntl.h>

#include <boost/json.hpp>

#include "lib/base/file_descriptor.h"

namespace supervisor {

topology::Topology read_topology(const boost::json::object& bundle) {
  const boost::json::object& written = bundle.at("topology").as_object();
  return topology::parse(std::string(written.at("text").as_string()), std::string(written.at("path").as_string()));
}

std::map<std::string, std::string> files_of(const boost::json::object& bundle) {
  std::map<std::string, std::string> files;
  const boost::json::value* found = bundle.if_contains("files");
  if (found == nullptr) return files;
  for (const auto& file : found->as_object()) files[file.key()] = file.value().as_string();
  return files;
}

void write_list(const std::string& path, const std::vector<boost::json::object>& objects) {
  boost::json::object list{
      {"apiVersion", "v1"}, {"kind", "List"}, {"items", boost::json::array(objects.begin(), objects.end())}};
  base::FileDescriptor file = base::open_file(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  base::write_all(file.get(), boost::json::serialize(list));
}

}  // namespace supervisor
