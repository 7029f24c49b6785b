#include "agents/overlay/subnet_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>

#include "lib/base/error.h"
#include "lib/base/file_descriptor.h"

namespace overlay {
namespace {

std::string contents_of(const std::string& path) {
  try {
    return base::read_file(path);
  } catch (const base::Error&) {
    return {};
  }
}

}  // namespace

std::string SubnetFile::text() const {
  netlink::Prefix gateway{subnet.network().address.plus(1), subnet.length};
  return "FLANNEL_NETWORK=" + network.network().to_string() + "\nFLANNEL_SUBNET=" + gateway.to_string() +
         "\nFLANNEL_MTU=" + std::to_string(mtu) + "\nFLANNEL_IPMASQ=" + (ip_masquerade ? "true" : "false") + "\n";
}

bool write_subnet_file(const std::string& path, const SubnetFile& contents) {
  if (contents_of(path) == contents.text()) return false;
  return base::in_context("write " + path, [&] {
    std::error_code failure;
    std::filesystem::create_directories(std::filesystem::path(path).parent_path(), failure);
    if (failure) throw base::Error("make its folder: " + failure.message());
    std::string fresh = path + ".new";
    {
      base::FileDescriptor file = base::open_file(fresh, O_WRONLY | O_CREAT | O_TRUNC, 0644);
      base::write_all(file.get(), contents.text());
    }
    if (::rename(fresh.c_str(), path.c_str()) < 0) throw base::Error::system("rename " + fresh);
    return true;
  });
}

}  // namespace overlay
