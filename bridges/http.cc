#include "bridges/http.h"

#include <arpa/inet.h>
#include <http_parser.h>
#include <netinet/in.h>

#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "glog/logging.h"

namespace mycelium::bridges {
namespace {

constexpr int kBacklog = 16;
constexpr char kTextType[] = "text/plain; charset=utf-8";

absl::string_view StatusWords(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 413:
      return "Payload Too Large";
    case 503:
      return "Service Unavailable";
    default:
      return "Bad Request";
  }
}

std::string Encode(const HttpResponse& response, bool with_body) {
  return absl::StrCat(
      "HTTP/1.1 ", response.status, " ", StatusWords(response.status),
      "\r\nContent-Type: ", response.content_type,
      "\r\nContent-Length: ", response.body.size(),
      response.status == 405 ? "\r\nAllow: GET, HEAD" : "",
      "\r\nConnection: close\r\n\r\n", with_body ? response.body : "");
}

absl::Status Error(const mycelium::Listener& config, const char* what,
                   int error) {
  return absl::UnavailableError(absl::StrCat(
      "metrics.listen ", config.url, ": ", what, ": ", uv_strerror(error)));
}

}  // namespace

// From accept to close; destroys itself.
class HttpServer::Connection {
 public:
  explicit Connection(HttpServer* server) : server_(server) {
    CHECK_EQ(uv_tcp_init(server->loop_, &tcp_), 0);
    CHECK_EQ(uv_timer_init(server->loop_, &timer_), 0);
    tcp_.data = timer_.data = this;
    http_parser_init(&parser_, HTTP_REQUEST);
    parser_.data = this;
    next_ = server->connections_;
    if (next_ != nullptr) next_->previous_ = this;
    server->connections_ = this;
    ++server->open_connections_;
    ++server->serving_connections_;
  }

  uv_stream_t* stream() { return reinterpret_cast<uv_stream_t*>(&tcp_); }

  void Start() {
    uv_timer_start(
        &timer_,
        [](uv_timer_t* timer) {
          static_cast<Connection*>(timer->data)->Close();
        },
        kHttpTimeoutMs, 0);
    const auto allocate = [](uv_handle_t* handle, size_t, uv_buf_t* buffer) {
      auto& input = static_cast<Connection*>(handle->data)->input_;
      *buffer = uv_buf_init(input.data(), static_cast<unsigned>(input.size()));
    };
    const auto read = [](uv_stream_t* stream, ssize_t bytes, const uv_buf_t*) {
      static_cast<Connection*>(stream->data)->Read(bytes);
    };
    if (uv_read_start(stream(), allocate, read) != 0) Close();
  }

  void Close() {
    if (std::exchange(closing_, true)) return;
    --server_->serving_connections_;
    if (previous_ != nullptr) {
      previous_->next_ = next_;
    } else {
      server_->connections_ = next_;
    }
    if (next_ != nullptr) next_->previous_ = previous_;
    const auto closed = [](uv_handle_t* handle) {
      auto* const self = static_cast<Connection*>(handle->data);
      if (--self->open_handles_ > 0) return;
      HttpServer* const server = self->server_;
      delete self;
      --server->open_connections_;
      server->Release();
    };
    uv_close(reinterpret_cast<uv_handle_t*>(&tcp_), closed);
    uv_close(reinterpret_cast<uv_handle_t*>(&timer_), closed);
  }

 private:
  static http_parser_settings Settings() {
    http_parser_settings settings;
    http_parser_settings_init(&settings);
    settings.on_url = [](http_parser* parser, const char* at, size_t bytes) {
      static_cast<Connection*>(parser->data)->target_.append(at, bytes);
      return 0;
    };
    // A body is not waited for: nothing here takes one.
    settings.on_headers_complete = [](http_parser* parser) {
      static_cast<Connection*>(parser->data)->complete_ = true;
      return 1;
    };
    return settings;
  }

  void Read(ssize_t bytes) {
    if (bytes < 0) return Close();
    received_bytes_ += static_cast<size_t>(bytes);
    if (answered_) {  // until the client has closed, or the time is over
      if (received_bytes_ > 2 * kHttpRequestBytesMax) Close();
      return;
    }
    static const http_parser_settings settings = Settings();
    http_parser_execute(&parser_, &settings, input_.data(),
                        static_cast<size_t>(bytes));
    if (complete_) {
      return Send(server_->Answer(parser_.method, target_),
                  parser_.method != HTTP_HEAD);
    }
    const http_errno error = HTTP_PARSER_ERRNO(&parser_);
    if (error != HPE_OK) {
      return Send({400, kTextType,
                   absl::StrCat("http: ", http_errno_description(error), "\n")},
                  true);
    }
    if (received_bytes_ >= kHttpRequestBytesMax) {
      Send({413, kTextType,
            absl::StrCat("http: a request of more than ", kHttpRequestBytesMax,
                         " bytes, allowed at most that\n")},
           true);
    }
  }

  void Send(const HttpResponse& response, bool with_body) {
    answered_ = true;
    output_ = Encode(response, with_body);
    uv_buf_t buffer =
        uv_buf_init(output_.data(), static_cast<unsigned>(output_.size()));
    const auto written = [](uv_write_t* request, int status) {
      auto* const self = static_cast<Connection*>(request->handle->data);
      if (status < 0) return self->Close();
      // The client closes first, so that what it still sends is no reset.
      uv_shutdown(&self->shutdown_, self->stream(), [](uv_shutdown_t*, int) {});
    };
    if (uv_write(&write_, stream(), &buffer, 1, written) != 0) Close();
  }

  HttpServer* const server_;
  uv_tcp_t tcp_;
  uv_timer_t timer_;
  uv_write_t write_;
  uv_shutdown_t shutdown_;
  http_parser parser_;
  std::array<char, 2048> input_;
  std::string target_;
  std::string output_;
  size_t received_bytes_ = 0;
  bool complete_ = false;
  bool answered_ = false;
  bool closing_ = false;
  int open_handles_ = 2;
  Connection* previous_ = nullptr;
  Connection* next_ = nullptr;
};

HttpServer::HttpServer(uv_loop_t* loop, Handler handler)
    : loop_(loop), handler_(std::move(handler)) {
  CHECK_EQ(uv_tcp_init(loop, &listener_), 0);
  listener_.data = this;
}

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Open(
    uv_loop_t* loop, const mycelium::Listener& config, Handler handler) {
  std::unique_ptr<HttpServer> server(new HttpServer(loop, std::move(handler)));
  if (absl::Status status = server->Listen(config); !status.ok()) {
    Close(std::move(server));
    return status;
  }
  return server;
}

absl::Status HttpServer::Listen(const mycelium::Listener& config) {
  const bool ipv6 = config.host.find(':') != std::string::npos;
  const char* const host =
      config.host == "localhost" ? "127.0.0.1" : config.host.c_str();
  sockaddr_storage address{};
  const int parsed =
      ipv6 ? uv_ip6_addr(host, config.port,
                         reinterpret_cast<sockaddr_in6*>(&address))
           : uv_ip4_addr(host, config.port,
                         reinterpret_cast<sockaddr_in*>(&address));
  if (parsed != 0) return Error(config, "address", parsed);
  auto* const any = reinterpret_cast<sockaddr*>(&address);
  int error = uv_tcp_bind(&listener_, any, ipv6 ? UV_TCP_IPV6ONLY : 0);
  if (error != 0) return Error(config, "bind", error);
  error = uv_listen(reinterpret_cast<uv_stream_t*>(&listener_), kBacklog,
                    [](uv_stream_t* stream, int status) {
                      if (status != 0) return;
                      static_cast<HttpServer*>(stream->data)->Accept();
                    });
  if (error != 0) return Error(config, "listen", error);
  int size = sizeof(address);
  error = uv_tcp_getsockname(&listener_, any, &size);
  if (error != 0) return Error(config, "getsockname", error);
  const uint16_t port =
      ntohs(ipv6 ? reinterpret_cast<sockaddr_in6*>(&address)->sin6_port
                 : reinterpret_cast<sockaddr_in*>(&address)->sin_port);
  url_ = absl::StrCat("http://", ipv6 ? "[" : "", host, ipv6 ? "]" : "", ":",
                      port);
  return absl::OkStatus();
}

void HttpServer::Accept() {
  auto* const connection = new Connection(this);
  const int error = uv_accept(reinterpret_cast<uv_stream_t*>(&listener_),
                              connection->stream());
  if (error != 0 || serving_connections_ > kHttpConnectionsMax) {
    return connection->Close();
  }
  connection->Start();
}

HttpResponse HttpServer::Answer(unsigned method,
                                const std::string& target) const {
  if (method != HTTP_GET && method != HTTP_HEAD) {
    return {405, kTextType,
            absl::StrCat(
                "method: ", http_method_str(static_cast<http_method>(method)),
                ", allowed GET and HEAD\n")};
  }
  return handler_(target.substr(0, target.find('?')));
}

void HttpServer::Close(std::unique_ptr<HttpServer> server) {
  HttpServer* const self = server.release();
  while (self->connections_ != nullptr) self->connections_->Close();
  uv_close(reinterpret_cast<uv_handle_t*>(&self->listener_),
           [](uv_handle_t* handle) {
             auto* const closed = static_cast<HttpServer*>(handle->data);
             closed->closed_ = true;
             closed->Release();
           });
}

// Deletes it once nothing of it is open.
void HttpServer::Release() {
  if (closed_ && open_connections_ == 0) delete this;
}

}  // namespace mycelium::bridges
