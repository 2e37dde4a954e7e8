// One place where clients connect: a Unix socket or a TCP port.  Belongs to the
// loop's thread.
#ifndef MYCELIUM_BRIDGES_LISTENER_H_
#define MYCELIUM_BRIDGES_LISTENER_H_

#include <sys/types.h>
#include <uv.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "broker/broker.h"
#include "config/listen_url.h"

namespace mycelium::bridges {

class Listener {
 public:
  // Binds and listens.  A stale socket file is removed, a live one never; the
  // error says what is in the way.
  static absl::StatusOr<std::unique_ptr<Listener>> Open(
      uv_loop_t* loop, broker::Broker* broker,
      const mycelium::Listener& config);
  // A socket that listens already, and that Describe has described.  Its file
  // belongs to whoever made it.
  static std::unique_ptr<Listener> Adopt(uv_loop_t* loop,
                                         broker::Broker* broker, int fd,
                                         const mycelium::Listener& config);
  // What the socket listens on; an error if it does not, or not as clients
  // could use it.
  static absl::StatusOr<mycelium::Listener> Describe(int fd);

  // Closed and deleted within the loop; the socket file goes too if it is
  // still this listener's.
  static void Close(std::unique_ptr<Listener> listener);

  // With the port that the system chose.
  const std::string& url() const { return url_; }

 private:
  Listener(uv_loop_t* loop, broker::Broker* broker, int fd,
           const mycelium::Listener& config, std::string url);

  void AcceptAll();
  void AcceptOne(int fd);
  void Refuse();
  void StartPolling();
  void PauseAccepting();

  uv_loop_t* const loop_;
  broker::Broker* const broker_;
  const int fd_;
  const mycelium::Listener config_;
  const std::string url_;
  const std::string refusal_;  // made while there is everything to make it with
  int spare_fd_;  // given up to tell a client that there are no more
  dev_t device_ = 0;
  ino_t inode_ = 0;
  uv_poll_t poll_;
  uv_timer_t retry_;
  int open_handles_ = 2;
};

}  // namespace mycelium::bridges

#endif  // MYCELIUM_BRIDGES_LISTENER_H_
