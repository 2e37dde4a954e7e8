#include "client/core/responses.h"

#include <algorithm>
#include <string>
#include <utility>

namespace mycelium::core {
namespace {

// Of an error's words; what is longer is cut.
constexpr size_t kErrorBytesMax = 4096;

// As the wire can have it.
Status Sendable(const Status& error, uint32_t frame_bytes_max) {
  Status sendable = error;
  const auto number = static_cast<int>(error.code);
  if (number < 1 || number > 16) sendable.code = StatusCode::kUnknown;
  // Beside the words a RequestError takes less than 32 bytes.
  const size_t most = frame_bytes_max < 64 ? 0 : frame_bytes_max - 32;
  if (sendable.message.size() > std::min(kErrorBytesMax, most)) {
    size_t end = std::min(kErrorBytesMax, most);
    while (end != 0 && (sendable.message[end] & 0xc0) == 0x80) --end;
    sendable.message.resize(end);
  }
  if (!ValidUtf8(sendable.message)) {
    sendable.message = "respond: an error of " +
                       std::to_string(error.message.size()) +
                       " bytes that are not UTF-8";
  }
  return sendable;
}

}  // namespace

class Responses::Answering : public Respondent {
 public:
  Answering(std::shared_ptr<Responses> responses, uint64_t id, uint16_t type_id,
            std::shared_ptr<Request> request)
      : responses_(std::move(responses)),
        id_(id),
        type_id_(type_id),
        request_(std::move(request)) {}
  Answering(const Answering&) = delete;
  Answering& operator=(const Answering&) = delete;
  ~Answering() override {
    if (answered_.load()) return;
    const Status told =
        Fail({StatusCode::kInternal, "respond: the responder gave no answer"});
    static_cast<void>(told);  // the connection may be lost
  }

  Status Reply(uint16_t type_id, std::span<const uint8_t> payload) override {
    if (type_id == 0) {
      return {StatusCode::kInvalidArgument,
              "reply: type_id 0, allowed 1 to 65535"};
    }
    if (payload.size() > responses_->frame_bytes_max_) {
      return {StatusCode::kInvalidArgument,
              "reply: body_bytes " + std::to_string(payload.size()) +
                  ", frame_bytes_max " +
                  std::to_string(responses_->frame_bytes_max_)};
    }
    return Answer(EncodeData(DataKind::kReply, type_id, {}, payload, id_));
  }

  Status Fail(const Status& error) override {
    if (error.ok()) {
      return {StatusCode::kInvalidArgument,
              "reply: an error with code 0, allowed 1 to 16"};
    }
    const std::string body =
        EncodeRequestError(Sendable(error, responses_->frame_bytes_max_));
    return Answer(EncodeData(
        DataKind::kErrorReply, type_id_, {},
        {reinterpret_cast<const uint8_t*>(body.data()), body.size()}, id_));
  }

  bool cancelled() const override { return request_->cancelled.load(); }

 private:
  Status Answer(const Bytes& frame) {
    if (answered_.exchange(true)) {
      return {StatusCode::kFailedPrecondition,
              "reply: the request has been answered, allowed once"};
    }
    if (responses_->Answer(id_, request_, frame)) return {};
    return {StatusCode::kUnavailable,
            "reply: the connection on which it was asked is lost, or the "
            "responder has unsubscribed"};
  }

  const std::shared_ptr<Responses> responses_;
  const uint64_t id_;
  const uint16_t type_id_;
  const std::shared_ptr<Request> request_;
  std::atomic<bool> answered_{false};
};

void Responses::Asked(uint32_t subscription_id, const FrameRun& run) {
  const std::lock_guard lock(mutex_);
  const uint8_t* at = run.bytes.data();
  const uint8_t* const end = at + run.bytes.size();
  while (at != end) {
    const FrameView frame{LoadHeader(at), at};
    requests_[frame.header.id] = std::make_shared<Request>(subscription_id);
    at += frame.frame_bytes();
  }
}

void Responses::Forget(const FrameRun& run) {
  const std::lock_guard lock(mutex_);
  const uint8_t* at = run.bytes.data();
  const uint8_t* const end = at + run.bytes.size();
  while (at != end) {
    const FrameView frame{LoadHeader(at), at};
    requests_.erase(frame.header.id);
    at += frame.frame_bytes();
  }
}

void Responses::OnCancel(uint64_t id) {
  const std::lock_guard lock(mutex_);
  const auto it = requests_.find(id);
  if (it != requests_.end()) it->second->cancelled.store(true);
}

void Responses::Forget(uint32_t subscription_id) {
  const std::lock_guard lock(mutex_);
  std::erase_if(requests_, [subscription_id](const auto& each) {
    if (each.second->subscription_id != subscription_id) return false;
    each.second->cancelled.store(true);
    return true;
  });
}

void Responses::ForgetAll() {
  const std::lock_guard lock(mutex_);
  for (const auto& [id, request] : requests_) request->cancelled.store(true);
  requests_.clear();
}

void Responses::End() {
  ForgetAll();
  const std::lock_guard lock(mutex_);
  outbox_ = nullptr;
}

std::unique_ptr<Respondent> Responses::Begin(uint64_t id, uint16_t type_id) {
  std::shared_ptr<Request> request;
  {
    const std::lock_guard lock(mutex_);
    const auto it = requests_.find(id);
    if (it == requests_.end()) return nullptr;
    request = it->second;
  }
  auto answering = std::make_unique<Answering>(shared_from_this(), id, type_id,
                                               std::move(request));
  if (!answering->cancelled()) return answering;
  // Cancelled while it waited in the client: the broker is still to hear that
  // this responder is free again.
  const Status told =
      answering->Fail({StatusCode::kCancelled, "request: cancelled"});
  static_cast<void>(told);
  return nullptr;
}

// Under the mutex, so that no answer follows Forget's UNSUBSCRIBE.
bool Responses::Answer(uint64_t id, const std::shared_ptr<Request>& request,
                       const Bytes& frame) {
  const std::lock_guard lock(mutex_);
  const auto it = requests_.find(id);
  if (it == requests_.end() || it->second != request) return false;
  requests_.erase(it);
  outbox_->Append(frame);
  return true;
}

}  // namespace mycelium::core
