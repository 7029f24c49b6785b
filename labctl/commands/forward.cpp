#include <CLI/CLI.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>

#include "labctl/commands/arguments.h"
#include "labctl/commands/forward_spec.h"
#include "labctl/commands/output.h"
#include "labctl/lab/forwarder.h"

namespace commands {
namespace {

using boost::asio::ip::tcp;

struct Options {
  std::string lab;
  std::vector<std::string> forwards;
};

// "127.0.0.1:8080", "[::1]:8080"
std::string shown(const std::string& address, std::uint16_t port) {
  bool v6 = address.find(':') != std::string::npos;
  return (v6 ? "[" + address + "]" : address) + ":" + std::to_string(port);
}

class Forwards {
 public:
  Forwards(const lab::LabFolder& folder, Context& context)
      : folder_(folder), context_(context), signals_(loop_, SIGINT, SIGTERM, SIGHUP), ended_(loop_) {}

  void add(const ForwardSpec& spec) {
    tcp::endpoint here(boost::asio::ip::make_address(spec.address), spec.port);
    base::FileDescriptor listener = listen(here);
    context_.out << shown(spec.address, here.port()) << " leads to " << spec.target.node << ", "
                 << shown(spec.target.address, spec.target.port) << "\n"
                 << std::flush;
    forwarders_.push_back(std::make_unique<lab::Forwarder>(
        loop_, folder_, spec.target, std::move(listener),
        [this](const base::Error& error) { context_.err << "labctl: a connection failed: " << error.what() << "\n"; }));
  }

  // Until a signal, or the lab's end.
  void run() {
    signals_.async_wait([this](boost::system::error_code, int) { loop_.stop(); });
    base::FileDescriptor process = folder_.open_first_process();
    bool lab_ended = !process.valid();
    if (process.valid()) {
      ended_.assign(process.release());
      ended_.async_wait(boost::asio::posix::descriptor_base::wait_read, [&](boost::system::error_code) {
        lab_ended = true;
        loop_.stop();
      });
      loop_.run();
    }
    if (lab_ended) throw base::Error("lab " + folder_.name + " has ended");
  }

 private:
  // HERE gets the port that the kernel chose, where it was to choose one.
  base::FileDescriptor listen(tcp::endpoint& here) {
    tcp::acceptor acceptor(loop_);
    boost::system::error_code error;
    std::string doing = "listen at " + shown(here.address().to_string(), here.port());
    acceptor.open(here.protocol(), error);
    if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor.bind(here, error);
    if (!error) acceptor.listen(boost::asio::socket_base::max_listen_connections, error);
    if (error) throw base::Error::system(doing, error.value());
    here = acceptor.local_endpoint();
    return base::FileDescriptor(acceptor.release());
  }

  lab::LabFolder folder_;
  Context& context_;
  boost::asio::io_context loop_;
  boost::asio::signal_set signals_;
  boost::asio::posix::stream_descriptor ended_;
  std::vector<std::unique_ptr<lab::Forwarder>> forwarders_;
};

void forward(const Options& options, Context& context) {
  std::vector<ForwardSpec> specs;
  try {
    for (const std::string& text : options.forwards) specs.push_back(parse_forward(text));
  } catch (const base::Error& error) {
    throw CLI::ValidationError("FORWARD", error.what());
  }
  lab::Control control = control_of(options.lab);
  for (const ForwardSpec& spec : specs) check_node(control, spec.target.node);
  Forwards forwards(control.folder(), context);
  for (const ForwardSpec& spec : specs) forwards.add(spec);
  forwards.run();
}

}  // namespace

void add_forward(CLI::App& app, Context& context) {
  auto options = std::make_shared<Options>();
  CLI::App* command = add_command<Options>(app, "forward", "make ports of a lab reachable from this host", kLabCommands,
                                           options, [&context](const Options& chosen) { forward(chosen, context); });
  add_lab(*command, options->lab);
  command->add_option("FORWARD", options->forwards, "[ADDRESS:]PORT:NODE:[ADDRESS:]PORT, as often as you like")
      ->required()
      ->type_name("FORWARD");
  command->footer(
      "8080:web:80              port 8080 of this host's loopback leads to port 80 on loopback of node web\n"
      "8080:client:10.10.0.1:80 the same, to where 10.10.0.1:80 leads as seen from node client\n"
      "0.0.0.0:8080:web:80      for others than this host, too\n"
      "0:web:80                 a port that is free; it is said which\n"
      "\n"
      "Ends with Ctrl-C, or with the lab.");
}

}  // namespace commands
