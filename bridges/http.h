// A small HTTP/1.1 server for whoever watches the broker: one request on each
// connection, no bodies.  A slow or hostile client costs next to nothing: few
// connections, short requests, and a time limit on each.
// Belongs to the loop's thread.
#ifndef MYCELIUM_BRIDGES_HTTP_H_
#define MYCELIUM_BRIDGES_HTTP_H_

#include <uv.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "config/listen_url.h"

namespace mycelium::bridges {

// Of the request line, the headers and a body together.
inline constexpr size_t kHttpRequestBytesMax = 8 * 1024;
// Further connections are closed at once.
inline constexpr size_t kHttpConnectionsMax = 8;
// From accept until the answer has been taken.
inline constexpr uint64_t kHttpTimeoutMs = 5'000;

struct HttpResponse {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
};

class HttpServer {
 public:
  // What GET (and HEAD) of a path, without its query, is answered with.
  using Handler = std::function<HttpResponse(const std::string& path)>;

  // Binds and listens.  REQUIRES: `config` is TCP.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Open(
      uv_loop_t* loop, const mycelium::Listener& config, Handler handler);

  // Closed, with its connections, and deleted within the loop.
  static void Close(std::unique_ptr<HttpServer> server);

  // "http://127.0.0.1:9464", with the port that the system chose.
  const std::string& url() const { return url_; }

 private:
  class Connection;

  HttpServer(uv_loop_t* loop, Handler handler);

  absl::Status Listen(const mycelium::Listener& config);
  void Accept();
  HttpResponse Answer(unsigned method, const std::string& target) const;
  void Release();

  uv_loop_t* const loop_;
  const Handler handler_;
  std::string url_;
  uv_tcp_t listener_;
  Connection* connections_ = nullptr;  // a list
  size_t open_connections_ = 0;        // until libuv has done with them
  size_t serving_connections_ = 0;     // of those, that are not being closed
  bool closed_ = false;
};

}  // namespace mycelium::bridges

#endif  // MYCELIUM_BRIDGES_HTTP_H_
