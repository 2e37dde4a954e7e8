// mycelium-brokerd: reads the configuration, opens the listeners, serves.

#include <gflags/gflags.h>
#include <glog/logging.h>
#include <google/protobuf/stubs/logging.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <iostream>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "bridges/journal_sink.h"
#include "bridges/loop.h"
#include "bridges/systemd.h"
#include "broker/version.h"
#include "config/config.h"
#include "config/default_socket.h"
#include "proto/mycelium/admin.pb.h"

DEFINE_string(config, "", "textproto file, see config/brokerd.textproto");
DEFINE_string(listen, "",
              "in place of the file's listeners: unix:/path, "
              "tcp://address:port; several with commas or by repeating it");
DEFINE_bool(check_config, false,
            "print what is in force as textproto and exit");

namespace mycelium {
namespace {

constexpr char kUsage[] =
    "Usage: mycelium-brokerd [--config FILE] [--listen URL[,URL...]]...\n"
    "                        [--check_config] [--version] [--help]\n"
    "\n"
    "Routes typed messages between programs over Unix sockets and TCP.\n"
    "\n"
    "  --config FILE   textproto; every field: config/brokerd.textproto\n"
    "  --listen URL    unix:/path or tcp://address:port, in place of the\n"
    "                  file's listeners; several with commas or by repeating\n"
    "  --check_config  print what is in force and exit\n"
    "\n"
    "Without listeners it serves one Unix socket: /run/mycelium/brokerd.sock\n"
    "as root or as a service, else $XDG_RUNTIME_DIR/mycelium/brokerd.sock.\n"
    "SIGTERM and SIGINT write out what is queued and stop, a second one stops\n"
    "at once; SIGHUP reads the configuration again.  `mycelium drain` and\n"
    "`mycelium reload` do the same.\n"
    "\n"
    "Under systemd it says when it is ready, feeds the watchdog, takes over\n"
    "the sockets of a .socket unit in place of its own listeners, and logs\n"
    "as the journal wants it.\n"
    "\n"
    "It logs to standard error; --nologtostderr --log_dir DIR for files.\n"
    "Exit codes: 0 stopped by a signal; 1 flag, configuration or listener;\n"
    "128 + signal when stopped at once.\n";

// gflags keeps the last of a repeated flag: all values of --listen as one.
std::string JoinListenFlags(int* argc, char** argv) {
  std::vector<std::string> urls;
  int kept = 1;
  for (int i = 1; i < *argc; ++i) {
    absl::string_view flag = argv[i];
    if (absl::StartsWith(flag, "--")) flag.remove_prefix(1);
    if (absl::StartsWith(flag, "-listen=")) {
      urls.emplace_back(flag.substr(strlen("-listen=")));
    } else if (flag == "-listen" && i + 1 < *argc) {
      urls.emplace_back(argv[++i]);
    } else {
      argv[kept++] = argv[i];
    }
  }
  *argc = kept;
  argv[kept] = nullptr;
  return absl::StrJoin(urls, ",");
}

// The file, then the flags or what the service manager has given, then the
// default socket.
absl::StatusOr<Config> ReadConfig(const std::vector<Listener>& given) {
  Config config;
  if (!FLAGS_config.empty()) {
    absl::StatusOr<Config> loaded = LoadConfig(FLAGS_config);
    if (!loaded.ok()) return loaded.status();
    config = *std::move(loaded);
  }
  if (!FLAGS_listen.empty()) {
    absl::Status status = ApplyListenFlags({FLAGS_listen}, &config);
    if (!status.ok()) return status;
  }
  if (!given.empty()) config.listeners = given;
  if (config.listeners.empty()) {
    absl::StatusOr<Listener> listener = ParseListenUrl(DefaultListenUrl(
        getenv("XDG_RUNTIME_DIR"), geteuid(), getenv("RUNTIME_DIRECTORY")));
    if (!listener.ok()) return listener.status();
    config.listeners.push_back(*std::move(listener));
  }
  absl::Status status = ValidateConfig(config);
  if (!status.ok()) return status;
  return config;
}

// The default socket has a folder of its own, which nobody but this user may
// have made.
absl::Status MakeDefaultFolder(const Config& config) {
  const std::string default_url = DefaultListenUrl(
      getenv("XDG_RUNTIME_DIR"), geteuid(), getenv("RUNTIME_DIRECTORY"));
  for (const Listener& listener : config.listeners) {
    if (listener.url != default_url) continue;
    const std::string folder =
        listener.path.substr(0, listener.path.rfind('/'));
    const mode_t mode = geteuid() == 0 ? 0755 : 0700;
    if (mkdir(folder.c_str(), mode) != 0 && errno != EEXIST) {
      return absl::UnavailableError(absl::StrCat(
          "listen ", listener.url, ": mkdir ", folder, ": ", strerror(errno)));
    }
    struct stat status;
    if (lstat(folder.c_str(), &status) != 0 || !S_ISDIR(status.st_mode) ||
        status.st_uid != geteuid()) {
      return absl::PermissionDeniedError(
          absl::StrCat("listen ", listener.url, ": ", folder,
                       " is not a folder of user ", geteuid()));
    }
  }
  return absl::OkStatus();
}

// Each session is a file: as many as the system lets this process have.
void RaiseDescriptorLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  PLOG_IF(WARNING, setrlimit(RLIMIT_NOFILE, &limit) != 0)
      << "limit of open files stays";
}

std::string HostName() {
  char name[256] = "";
  if (gethostname(name, sizeof(name) - 1) != 0) return "mycelium-brokerd";
  return name;
}

uint64_t RandomEpoch() {
  std::random_device random;
  return uint64_t{random()} << 32 | random();
}

int64_t UnixMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

// Of `files`, those whose schema none of `others` holds.
std::vector<DescriptorSetFile> Without(
    const std::vector<DescriptorSetFile>& files,
    const std::vector<DescriptorSetFile>& others) {
  std::vector<DescriptorSetFile> left;
  for (const DescriptorSetFile& file : files) {
    const auto same = [&](const DescriptorSetFile& other) {
      return other.schema->digest() == file.schema->digest();
    };
    if (std::none_of(others.begin(), others.end(), same)) left.push_back(file);
  }
  return left;
}

// What a running broker takes over from a changed configuration.
absl::Status Reload(const std::vector<Listener>& given, Config* in_force,
                    bridges::Loop* loop, wire::Reload* told) {
  absl::StatusOr<Config> read = ReadConfig(given);
  if (!read.ok()) {
    LOG(ERROR) << "reload: nothing changed: " << read.status().message();
    return read.status();
  }
  Config next = *in_force;
  next.limits = read->limits;
  next.drain_timeout_ms = read->drain_timeout_ms;
  next.schema = read->schema;
  next.history = read->history;
  next.admin = read->admin;
  // A schema that is known stays so: clients may have been let in beside it.
  for (DescriptorSetFile& file :
       Without(read->descriptor_sets, in_force->descriptor_sets)) {
    next.descriptor_sets.push_back(std::move(file));
  }
  const absl::Status status = loop->ApplyConfig(next);
  if (!status.ok()) {
    LOG(ERROR) << "reload: nothing changed: " << status.message();
    return status;
  }
  const std::vector<std::string> changed = ChangedFields(*in_force, next);
  const std::vector<DescriptorSetFile> removed =
      Without(next.descriptor_sets, read->descriptor_sets);
  read->descriptor_sets = next.descriptor_sets;
  std::vector<std::string> fixed = ChangedFields(next, *read);
  for (const DescriptorSetFile& file : removed) {
    fixed.push_back(absl::StrCat("the removal of schema.descriptor_set \"",
                                 file.path, "\""));
  }
  LOG(INFO) << "reload: "
            << (changed.empty() ? "nothing changed"
                                : absl::StrJoin(changed, ", ") + " in force");
  if (!fixed.empty()) {
    LOG(WARNING) << "reload: " << absl::StrJoin(fixed, ", ")
                 << ": takes a restart, left as it was";
  }
  *in_force = std::move(next);
  told->mutable_changed()->Assign(changed.begin(), changed.end());
  told->mutable_needs_restart()->Assign(fixed.begin(), fixed.end());
  return absl::OkStatus();
}

// As sd_notify(3) has it: from RELOADING until READY.
std::string Reloading() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return absl::StrCat("RELOADING=1\nMONOTONIC_USEC=",
                      int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1'000);
}

int Refuse(const absl::Status& why) {
  std::cerr << (bridges::StandardErrorIsJournal() ? "<3>" : "")
            << "mycelium-brokerd: " << why.message() << "\n";
  return 1;
}

int Serve() {
  bridges::Systemd systemd;
  const absl::StatusOr<bridges::Systemd::Sockets> given =
      systemd.GivenSockets();
  if (!given.ok()) return Refuse(given.status());
  if (!given->listeners.empty() && !FLAGS_listen.empty()) {
    return Refuse(absl::InvalidArgumentError(absl::StrCat(
        "--listen ", FLAGS_listen, " and ", given->listeners.size(),
        " sockets of the service manager, allowed one of these")));
  }
  absl::StatusOr<Config> config = ReadConfig(given->listeners);
  if (!config.ok()) return Refuse(config.status());
  if (FLAGS_check_config) {
    std::cout << PrintConfig(*config);
    return 0;
  }
  RaiseDescriptorLimit();
  const std::string name = config->name.empty() ? HostName() : config->name;
  std::unique_ptr<bridges::Loop> loop;
  loop = std::make_unique<bridges::Loop>(
      broker::Broker::Identity{name, kVersion, RandomEpoch(), UnixMs(),
                               geteuid()},
      *config, &systemd, [&](wire::Reload* told) {
        systemd.Tell(Reloading());
        const absl::Status status =
            Reload(given->listeners, &*config, loop.get(), told);
        systemd.Tell("READY=1");
        return status;
      });
  if (given->listeners.empty()) {
    absl::Status status = MakeDefaultFolder(*config);
    if (status.ok()) status = loop->Listen(config->listeners);
    if (!status.ok()) return Refuse(status);
  } else {
    loop->Adopt(*given);
  }
  if (config->metrics_listen) {
    const absl::Status status = loop->ListenMetrics(*config->metrics_listen);
    if (!status.ok()) return Refuse(status);
  }
  LOG(INFO) << "mycelium-brokerd " << kVersion << " \"" << name << "\" serves";
  loop->Run();
  LOG(INFO) << "stopped";
  return 0;
}

}  // namespace
}  // namespace mycelium

int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    const absl::string_view flag = argv[i];
    if (flag == "--help" || flag == "-help" || flag == "-h") {
      std::cout << mycelium::kUsage;
      return 0;
    }
  }
  FLAGS_logtostderr = true;
  FLAGS_stop_logging_if_full_disk = true;
  gflags::SetVersionString(mycelium::kVersion);
  gflags::SetUsageMessage(mycelium::kUsage);
  const std::string listen = mycelium::JoinListenFlags(&argc, argv);
  gflags::ParseCommandLineFlags(&argc, &argv, /*remove_flags=*/true);
  FLAGS_listen = listen;
  if (argc > 1) {
    std::cerr << "mycelium-brokerd: argument \"" << argv[1]
              << "\", allowed flags only; see --help\n";
    return 1;
  }
  // What a peer sends is told once, by its session, and never quoted.
  google::protobuf::SetLogHandler(nullptr);
  google::InitGoogleLogging(argv[0]);
  if (mycelium::bridges::StandardErrorIsJournal()) {
    mycelium::bridges::LogToJournal();
  }
  return mycelium::Serve();
}
