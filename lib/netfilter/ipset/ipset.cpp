#include "lib/netfilter/ipset/ipset.h"

#include <fmt/format.h>
#include <netinet/in.h>

#include <algorithm>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <string_view>

#include "lib/base/error.h"
#include "lib/netlink/address.h"

// libipset's headers use `typeof` and GNU macros; they are included last.
extern "C" {
#include <libipset/data.h>
#include <libipset/linux_ip_set.h>
#include <libipset/parse.h>
#include <libipset/session.h>
#include <libipset/types.h>
}

namespace netfilter {
namespace {

const char* const temporary_prefix = "tmp-";

bool begins_with(std::string_view text, std::string_view prefix) {
  return text.substr(0, prefix.size()) == prefix;
}

std::string_view next_word(std::string_view& text) {
  size_t end = text.find(' ');
  std::string_view word = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return word;
}

// "create NAME TYPE family inet …" and "add NAME ENTRY …", one a line.
std::vector<IpSetState> parse_save(std::string_view text) {
  std::vector<IpSetState> sets;
  while (!text.empty()) {
    size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    std::string_view verb = next_word(line);
    std::string_view name = next_word(line);
    if (verb == "create") {
      IpSetState& set = sets.emplace_back();
      set.name = name;
      set.type = next_word(line);
      set.ipv6 = line.find("family inet6") != std::string_view::npos;
    } else if (verb == "add" && !sets.empty()) {
      sets.back().entries.emplace(next_word(line));
    }
  }
  return sets;
}

// The library gives words instead of the kernel's error number (libipset's errcode.c); 0 where nobody decides by it.
int error_number(std::string_view words) {
  if (words.find("does not exist") != std::string_view::npos) return ENOENT;
  if (words.find("it is in use") != std::string_view::npos) return EBUSY;
  return 0;
}

}  // namespace

class IpSets::Session {
 public:
  Session() {
    ipset_load_types();
    open();
  }
  ~Session() { ipset_session_fini(session_); }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  void create(const IpSetDefinition& definition) {
    const std::string doing = "create IP set " + definition.name;
    begin(definition.name, doing);
    check(doing, ipset_parse_typename(session_, IPSET_OPT_TYPENAME, definition.type.c_str()));
    if (ipset_type_get(session_, IPSET_CMD_CREATE) == nullptr) fail(doing);
    if (begins_with(definition.type, "hash:")) {
      std::uint8_t family = definition.ipv6 ? NFPROTO_IPV6 : NFPROTO_IPV4;
      set(IPSET_OPT_FAMILY, &family);
      set(IPSET_OPT_HASHSIZE, &definition.hash_size);
      set(IPSET_OPT_MAXELEM, &definition.maximum_size);
    } else if (definition.type == "bitmap:port") {
      set(IPSET_OPT_PORT_FROM, &definition.first_port);
      set(IPSET_OPT_PORT_TO, &definition.last_port);
    }
    ipset_envopt_unset(session_, IPSET_ENV_EXIST);
    check(doing, ipset_cmd(session_, IPSET_CMD_CREATE, 0));
  }

  // ADD and DEL of many entries travel together: the session collects them in one message until it is committed.
  void change(enum ipset_cmd command, const std::string& verb, const std::string& name,
              const std::vector<std::string>& entries) {
    ipset_envopt_set(session_, IPSET_ENV_EXIST);
    std::uint32_t line = 0;
    for (const std::string& entry : entries) {
      const std::string doing = verb + " " + entry + " of IP set " + name;
      begin(name, doing);
      const ipset_type* type = ipset_type_get(session_, command);
      if (type == nullptr) fail(doing);
      check(doing, ipset_parse_elem(session_, type->last_elem_optional, entry.c_str()));
      check(doing, ipset_cmd(session_, command, ++line));
    }
    check(verb + " entries of IP set " + name, ipset_commit(session_));
  }

  void on_set(enum ipset_cmd command, const std::string& doing, const std::string& name) {
    begin(name, doing);
    check(doing, ipset_cmd(session_, command, 0));
  }

  void swap(const std::string& name, const std::string& other) {
    const std::string doing = "swap IP sets " + name + " and " + other;
    begin(name, doing);
    check(doing, ipset_parse_setname(session_, IPSET_OPT_SETNAME2, other.c_str()));
    check(doing, ipset_cmd(session_, IPSET_CMD_SWAP, 0));
  }

  // "create …" and "add …" lines; the former alone where only HEADERS are asked for.
  std::string save(const std::string& name, const std::string& doing, bool headers) {
    begin(name, doing);
    output_.clear();
    ipset_envopt_set(session_, IPSET_ENV_SORTED);
    if (headers) {
      ipset_envopt_set(session_, IPSET_ENV_LIST_HEADER);
    } else {
      ipset_envopt_unset(session_, IPSET_ENV_LIST_HEADER);
    }
    check(doing, ipset_session_output(session_, IPSET_LIST_SAVE));
    check(doing, ipset_cmd(session_, headers ? IPSET_CMD_LIST : IPSET_CMD_SAVE, 0));
    return std::move(output_);
  }

 private:
  void open() {
    session_ = ipset_session_init(collect, this);
    if (session_ == nullptr) throw base::Error("open IP sets: the library could not start a session");
  }

  static int collect(ipset_session*, void* self, const char* form, ...) {
    va_list arguments;
    va_start(arguments, form);
    char* text = nullptr;
    int length = ::vasprintf(&text, form, arguments);
    va_end(arguments);
    if (length < 0) return -1;
    static_cast<Session*>(self)->output_.append(text, static_cast<size_t>(length));
    ::free(text);
    return length;
  }

  // Forgets what the last command left, and names the set the next one is about (all where NAME is empty).
  void begin(const std::string& name, const std::string& doing) {
    ipset_session_report_reset(session_);
    ipset_data_reset(ipset_session_data(session_));
    if (!name.empty()) check(doing, ipset_parse_setname(session_, IPSET_SETNAME, name.c_str()));
  }

  void set(ipset_opt option, const void* value) { ipset_session_data_set(session_, option, value); }

  void check(const std::string& doing, int result) {
    if (result < 0) fail(doing);
  }

  [[noreturn]] void fail(const std::string& doing) {
    std::string words = ipset_session_report_msg(session_);
    while (!words.empty() && words.back() == '\n') words.pop_back();
    // A session that has failed once answers everything that follows with failure: begin anew.
    ipset_session_fini(session_);
    open();
    if (int number = error_number(words)) throw base::Error::system(doing, number).with_words(words);
    throw base::Error(doing + ": " + (words.empty() ? "refused" : words));
  }

  ipset_session* session_ = nullptr;
  std::string output_;
};

IpSets::IpSets() : session_(std::make_unique<Session>()) {}
IpSets::~IpSets() = default;

void IpSets::create(const IpSetDefinition& definition) {
  if (auto present = read(definition.name, true)) {
    if (present->type == definition.type && present->ipv6 == (definition.ipv6 && definition.type != "bitmap:port")) {
      return;
    }
    throw base::Error("create IP set " + definition.name + ": there is one of type " + present->type + ", not " +
                      definition.type);
  }
  session_->create(definition);
}

void IpSets::add(const std::string& name, const std::vector<std::string>& entries) {
  session_->change(IPSET_CMD_ADD, "add", name, entries);
}
void IpSets::remove(const std::string& name, const std::vector<std::string>& entries) {
  session_->change(IPSET_CMD_DEL, "delete", name, entries);
}
void IpSets::swap(const std::string& name, const std::string& other) {
  session_->swap(name, other);
}
void IpSets::flush(const std::string& name) {
  session_->on_set(IPSET_CMD_FLUSH, "empty IP set " + name, name);
}

bool IpSets::destroy(const std::string& name) {
  if (!read(name, true)) return false;
  session_->on_set(IPSET_CMD_DESTROY, "destroy IP set " + name, name);
  return true;
}

void IpSets::replace(const IpSetDefinition& definition, const std::vector<std::string>& entries) {
  create(definition);
  IpSetDefinition temporary = definition;
  temporary.name = (temporary_prefix + definition.name).substr(0, max_set_name);
  temporary.maximum_size = std::max<std::uint32_t>(definition.maximum_size, static_cast<std::uint32_t>(entries.size()));
  destroy(temporary.name);
  session_->create(temporary);
  session_->change(IPSET_CMD_ADD, "add", temporary.name, entries);
  session_->swap(definition.name, temporary.name);
  destroy(temporary.name);
}

std::vector<IpSetState> IpSets::list() {
  return parse_save(session_->save({}, "list IP sets", false));
}

std::optional<IpSetState> IpSets::list(const std::string& name) {
  return read(name, false);
}

std::optional<IpSetState> IpSets::read(const std::string& name, bool headers) {
  try {
    std::vector<IpSetState> sets = parse_save(session_->save(name, "list IP set " + name, headers));
    if (sets.empty()) return std::nullopt;
    return std::move(sets.front());
  } catch (const base::Error& error) {
    if (error.error_number() == ENOENT) return std::nullopt;
    throw;
  }
}

}  // namespace netfilter
