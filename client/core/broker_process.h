// The real mycelium-brokerd, for tests of clients.  Not thread-safe.
#ifndef MYCELIUM_CLIENT_CORE_BROKER_PROCESS_H_
#define MYCELIUM_CLIENT_CORE_BROKER_PROCESS_H_

#include <sys/types.h>

#include <string>
#include <string_view>
#include <thread>

namespace mycelium::core {

// Runs until it is killed or destroyed; the latter fails the test if the broker
// does not end well.
class BrokerProcess {
 public:
  // `config`: what stands in its configuration beside the listeners.
  explicit BrokerProcess(std::string_view config);
  BrokerProcess(const BrokerProcess&) = delete;
  BrokerProcess& operator=(const BrokerProcess&) = delete;
  ~BrokerProcess();

  // Kills it, without a goodbye; and has another at the same urls.
  void Kill();
  void StartAgain();

  const std::string& unix_url() const { return unix_url_; }
  const std::string& tcp_url() const { return tcp_url_; }

 private:
  void Start(const std::string& listen_urls);
  void ReadUrls();

  std::string directory_;
  std::string unix_url_;
  std::string tcp_url_;
  pid_t pid_ = -1;
  int log_ = -1;          // reads what the broker writes to stderr
  std::string log_text_;  // the thread's, once it runs
  std::thread log_thread_;
};

}  // namespace mycelium::core

#endif  // MYCELIUM_CLIENT_CORE_BROKER_PROCESS_H_
