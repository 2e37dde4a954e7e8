#include "client/core/broker_process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace mycelium::core {
namespace {

// Where Bazel puts it for a test.
constexpr char kBinary[] = "broker/mycelium-brokerd";

// The word that the last one of `prefix` begins; empty: it is not there, or not
// whole.
std::string WordAt(const std::string& text, const std::string& prefix) {
  const size_t at = text.find(prefix);
  if (at == std::string::npos) return {};
  const size_t first = at + prefix.rfind(' ') + 1;
  const size_t end = text.find_first_of(" \n", first);
  return end == std::string::npos ? "" : text.substr(first, end - first);
}

}  // namespace

BrokerProcess::BrokerProcess(std::string_view config) {
  char name[] = "/var/tmp/mycXXXXXX";
  directory_ = mkdtemp(name);
  std::ofstream(directory_ + "/brokerd.textproto") << config;
  Start("unix:" + directory_ + "/s,tcp://127.0.0.1:0");
}

void BrokerProcess::StartAgain() {
  const std::string listen_urls = unix_url_ + "," + tcp_url_;
  unix_url_.clear();
  tcp_url_.clear();
  log_text_.clear();
  Start(listen_urls);
}

void BrokerProcess::Start(const std::string& listen_urls) {
  const std::string config_flag =
      "--config=" + directory_ + "/brokerd.textproto";
  const std::string listen_flag = "--listen=" + listen_urls;
  const char* const arguments[] = {kBinary, config_flag.c_str(),
                                   listen_flag.c_str(), nullptr};
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  pid_ = fork();
  if (pid_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(ends[1], STDERR_FILENO);
    execv(kBinary, const_cast<char* const*>(arguments));
    _exit(127);
  }
  close(ends[1]);
  log_ = ends[0];
  ReadUrls();
}

void BrokerProcess::ReadUrls() {
  char bytes[4096];
  while (unix_url_.empty() || tcp_url_.empty()) {
    const ssize_t got = read(log_, bytes, sizeof bytes);
    ASSERT_GT(got, 0) << "the broker has ended: " << log_text_;
    log_text_.append(bytes, static_cast<size_t>(got));
    unix_url_ = WordAt(log_text_, "listening on unix:");
    tcp_url_ = WordAt(log_text_, "listening on tcp:");
  }
  log_thread_ = std::thread([this] {
    char more[4096];
    ssize_t got;
    while ((got = read(log_, more, sizeof more)) > 0) {
      log_text_.append(more, static_cast<size_t>(got));
    }
  });
}

void BrokerProcess::Kill() {
  kill(pid_, SIGKILL);
  EXPECT_EQ(waitpid(pid_, nullptr, 0), pid_);
  pid_ = -1;
  log_thread_.join();
  close(log_);
}

BrokerProcess::~BrokerProcess() {
  if (pid_ == -1) {
    std::filesystem::remove_all(directory_);
    return;
  }
  kill(pid_, SIGTERM);
  int status = 0;
  EXPECT_EQ(waitpid(pid_, &status, 0), pid_);
  if (log_thread_.joinable()) log_thread_.join();
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << log_text_;
  close(log_);
  std::filesystem::remove_all(directory_);
}

}  // namespace mycelium::core
