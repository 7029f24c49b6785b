// probe: makes requests from where it runs, and tells as JSON what became of each. Runs inside nodes and pods; a
// request that fails is no failure of the probe.

#include <getopt.h>

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "labctl/scenario/probe/dns.h"
#include "labctl/scenario/probe/requests.h"
#include "lib/base/error.h"
#include "lib/base/file_descriptor.h"

namespace {

const char* const usage =
    "usage: probe [OPTIONS] http URL | tcp HOST:PORT | udp HOST:PORT | ping HOST | dns NAME\n"
    "  --requests N          how many, one after the other, each by a connection of its own (1)\n"
    "  --timeout MS          how long one may take, in milliseconds (5000)\n"
    "  --interval MS         from the beginning of one to that of the next, in milliseconds (0: at once)\n"
    "  --until failure|success  the first of these ends it\n"
    "  --body-limit BYTES    how much of each answer is kept (65536)\n"
    "  --read-line           tcp: wait for the line that the server says first\n"
    "  --type TYPE           dns: of the records (A)\n"
    "  --server ADDRESS[:PORT]  dns: whom to ask (the first of /etc/resolv.conf)\n"
    "Prints {\"protocol\", \"target\", \"requests\": [{\"ok\", \"failure\", …}]}. Exit code 0: it did; 1: it could "
    "not; 2: usage.\n";

struct UsageError {
  std::string what;
};

struct Options {
  probe::Protocol protocol = probe::Protocol::http;
  std::string protocol_name;
  std::string target;
  probe::RequestOptions request;
  probe::Question question{"", "A", ""};
  unsigned long requests = 1;
  std::chrono::milliseconds interval{0};
  std::string until;
};

unsigned long number(const char* text, unsigned long least, unsigned long most) {
  char* end = nullptr;
  unsigned long value = std::strtoul(text, &end, 10);
  if (*text == '-' || *text == '\0' || *end != '\0' || value < least || value > most) {
    throw UsageError{"\"" + std::string(text) + "\" is no number from " + std::to_string(least) + " to " +
                     std::to_string(most)};
  }
  return value;
}

probe::Protocol protocol(const std::string& name) {
  if (name == "http") return probe::Protocol::http;
  if (name == "tcp") return probe::Protocol::tcp;
  if (name == "udp") return probe::Protocol::udp;
  if (name == "ping") return probe::Protocol::ping;
  throw UsageError{"\"" + name + "\" is none of http, tcp, udp, ping and dns"};
}

void read_option(int option, Options& options) {
  constexpr unsigned long a_day = 24ul * 3600 * 1000;
  switch (option) {
    case 'n':
      options.requests = number(optarg, 1, 1000000);
      break;
    case 't':
      options.request.timeout = std::chrono::milliseconds(number(optarg, 1, a_day));
      break;
    case 'i':
      options.interval = std::chrono::milliseconds(number(optarg, 0, a_day));
      break;
    case 'u':
      options.until = optarg;
      if (options.until != "failure" && options.until != "success")
        throw UsageError{"--until failure or --until success"};
      break;
    case 'b':
      options.request.body_limit = number(optarg, 1, 1ul << 30);
      break;
    case 'l':
      options.request.read_line = true;
      break;
    case 'y':
      options.question.type = optarg;
      break;
    case 's':
      options.question.server = optarg;
      break;
    default:
      throw UsageError{"no such option"};
  }
}

Options parse(int count, char** arguments) {
  const option known[] = {{"requests", required_argument, nullptr, 'n'},
                          {"timeout", required_argument, nullptr, 't'},
                          {"interval", required_argument, nullptr, 'i'},
                          {"until", required_argument, nullptr, 'u'},
                          {"body-limit", required_argument, nullptr, 'b'},
                          {"read-line", no_argument, nullptr, 'l'},
                          {"type", required_argument, nullptr, 'y'},
                          {"server", required_argument, nullptr, 's'},
                          {nullptr, 0, nullptr, 0}};
  Options options;
  opterr = 0;
  for (int option; (option = ::getopt_long(count, arguments, "", known, nullptr)) >= 0;) read_option(option, options);
  if (count - optind != 2) throw UsageError{"say how, and whom"};
  options.protocol_name = arguments[optind];
  options.target = options.question.name = arguments[optind + 1];
  if (options.protocol_name != "dns") options.protocol = protocol(options.protocol_name);
  return options;
}

std::function<probe::Outcome()> request_of(const Options& options) {
  if (options.protocol_name == "dns") return [&] { return probe::ask(options.question, options.request.timeout); };
  probe::Target target = probe::Target::parse(options.protocol, options.target);
  return [&options, target] { return probe::make_request(options.protocol, target, options.request); };
}

std::vector<probe::Outcome> make_requests(const Options& options) {
  std::function<probe::Outcome()> make_request = request_of(options);
  std::vector<probe::Outcome> outcomes;
  auto next = std::chrono::steady_clock::now();
  for (unsigned long i = 0; i < options.requests; ++i) {
    std::this_thread::sleep_until(next);
    next += options.interval;
    outcomes.push_back(make_request());
    if (options.until == (outcomes.back().failure ? "failure" : "success")) break;
  }
  return outcomes;
}

}  // namespace

int main(int count, char** arguments) {
  try {
    Options options = parse(count, arguments);
    base::write_all(1, probe::to_json(options.protocol_name, options.target, make_requests(options)));
    return 0;
  } catch (const UsageError& error) {
    std::fprintf(stderr, "probe: %s\n%s", error.what.c_str(), usage);
    return 2;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "probe: %s\n", error.what());
    return 1;
  }
}
