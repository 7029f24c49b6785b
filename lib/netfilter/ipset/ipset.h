// IP sets, through libipset.
//
// libipset keeps caches that are the whole process's, and a session stays in the network namespace it was opened in: to
// be used in processes that live in one namespace (agents), never in the supervisor.
// Threading: one thread. Errors: base::Error with the set's name and the library's words.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

struct ipset_session;

namespace netfilter {

// A name holds 31 characters (IPSET_MAXNAMELEN - 1).
constexpr size_t max_set_name = 31;

struct IpSetDefinition {
  std::string name;
  std::string type = "hash:ip";        // "hash:ip,port", "hash:ip,port,ip", "hash:ip,port,net", "bitmap:port", …
  bool ipv6 = false;                   // ignored by types without addresses
  std::uint16_t first_port = 0;        // bitmap:port
  std::uint16_t last_port = 65535;     // bitmap:port
  std::uint32_t hash_size = 1024;      // hash:*; the kernel grows it
  std::uint32_t maximum_size = 65536;  // hash:*; elements

  bool operator==(const IpSetDefinition&) const = default;
};

// Entries are written as ipset(8) does: "10.108.0.1,tcp:80", "10.244.1.2,tcp:8080,10.244.1.2", "30080".
struct IpSetState {
  std::string name;
  std::string type;
  bool ipv6 = false;
  std::set<std::string> entries;
};

class IpSets {
 public:
  // In the calling thread's network namespace. Throws where the kernel has no IP sets.
  IpSets();
  ~IpSets();
  IpSets(const IpSets&) = delete;
  IpSets& operator=(const IpSets&) = delete;

  // One that is there already with the same type stays, with what it holds; one of another type is an error.
  void create(const IpSetDefinition& definition);
  // An entry that is there already, or is gone already, is no error.
  void add(const std::string& name, const std::vector<std::string>& entries);
  void remove(const std::string& name, const std::vector<std::string>& entries);
  void swap(const std::string& name, const std::string& other);
  void flush(const std::string& name);
  // A set that rules refer to cannot be destroyed (error_number() is EBUSY). False where there was none.
  bool destroy(const std::string& name);
  // Makes the set hold exactly ENTRIES at one instant, by way of a temporary set; creates it where it is missing.
  void replace(const IpSetDefinition& definition, const std::vector<std::string>& entries);

  // Every set, or nothing for a name that is not there.
  std::vector<IpSetState> list();
  std::optional<IpSetState> list(const std::string& name);

 private:
  std::optional<IpSetState> read(const std::string& name, bool headers);

  class Session;
  std::unique_ptr<Session> session_;
};

}  // namespace netfilter
