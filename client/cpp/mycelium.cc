#include "client/cpp/mycelium.h"

#include <google/protobuf/descriptor.pb.h>

#include <atomic>
#include <chrono>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/schema.h"

namespace mycelium {
namespace {

using internal::ToAbsl;

// What lies beyond the clock's range is no deadline, or one that has passed.
core::Deadline DeadlineIn(absl::Duration timeout) {
  if (timeout <= absl::ZeroDuration()) return core::Clock::now();
  const core::Deadline now = core::Clock::now();
  const absl::Duration left = absl::FromChrono(core::kNoDeadline - now);
  if (timeout >= left) return core::kNoDeadline;
  return now + absl::ToChronoNanoseconds(timeout);
}

// absl's string_view is another than the standard's.
absl::string_view View(std::string_view text) {
  return {text.data(), text.size()};
}

absl::StatusOr<std::shared_ptr<const Schema>> ParseSchema(
    const EncodedSchema& schema) {
  std::string why;
  std::shared_ptr<const Schema> parsed =
      Schema::Parse(schema.descriptor_set, &why);
  if (parsed == nullptr) return absl::InvalidArgumentError(why);
  return parsed;
}

}  // namespace

// --- Schemas
// ------------------------------------------------------------------

absl::StatusOr<EncodedSchema> MergeSchemas(
    const std::vector<EncodedSchema>& schemas) {
  google::protobuf::FileDescriptorSet merged;
  std::map<std::string, std::string> seen;  // file name, its bytes
  for (const EncodedSchema& schema : schemas) {
    google::protobuf::FileDescriptorSet set;
    if (!set.ParseFromString(schema.descriptor_set)) {
      return absl::InvalidArgumentError(
          absl::StrCat("schema: ", schema.descriptor_set.size(),
                       " bytes that are not a descriptor set"));
    }
    for (google::protobuf::FileDescriptorProto& file : *set.mutable_file()) {
      const std::string bytes = file.SerializeAsString();
      const auto [it, is_new] = seen.emplace(file.name(), bytes);
      if (is_new) {
        *merged.add_file() = std::move(file);
      } else if (it->second != bytes) {
        return absl::InvalidArgumentError(absl::StrCat(
            "schema: ", file.name(), " differs between two schemas"));
      }
    }
  }
  EncodedSchema result{"", merged.SerializeAsString()};
  absl::StatusOr<std::shared_ptr<const Schema>> parsed = ParseSchema(result);
  if (!parsed.ok()) return parsed.status();
  const Digest& digest = (*parsed)->digest();
  result.digest.assign(digest.begin(), digest.end());
  return result;
}

// Thread-safe.
class Client::TypeCheck {
 public:
  // Null: the client has connected without a schema.
  explicit TypeCheck(std::shared_ptr<const Schema> schema)
      : schema_(std::move(schema)) {}

  absl::Status Check(const char* subject,
                     const internal::TypeOfMessage& type) const {
    // The type of the publish before is the usual one.
    if (last_.load(std::memory_order_relaxed) == type.object_type) [[likely]]
      return absl::OkStatus();
    const Schema::MessageType* const known =
        schema_ == nullptr ? nullptr : schema_->FindType(type.type_id);
    if (known != nullptr && known->fingerprint == type.fingerprint) {
      last_.store(type.object_type, std::memory_order_relaxed);
      return absl::OkStatus();
    }
    return absl::FailedPreconditionError(absl::StrCat(
        subject, ": ", View(type.name),
        " is not of the schema that this client connected with, ",
        schema_ == nullptr ? "none" : DigestText(schema_->digest()),
        "; allowed what ClientOptions::schema has, see SchemaOf"));
  }

 private:
  const std::shared_ptr<const Schema> schema_;
  mutable std::atomic<const void*> last_{nullptr};
};

namespace internal {

Gap MalformedGap(const Message& message) {
  return {GapReason::kMalformed,
          {{message.type_id, 1, message.sequence, message.sequence}}};
}

absl::Status ToAbsl(const core::Status& status) {
  if (status.ok()) return absl::OkStatus();
  return absl::Status(static_cast<absl::StatusCode>(status.code),
                      {status.message.data(), status.message.size()});
}

core::Status ToCore(const absl::Status& status) {
  return {static_cast<core::StatusCode>(status.code()),
          {status.message().data(), status.message().size()}};
}

absl::Status CheckReply(const Message& reply, const TypeOfMessage& wanted) {
  if (reply.type_id == wanted.type_id) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("request: a reply of type ", reply.type_id, ", asked for ",
                   View(wanted.name), " (type ", wanted.type_id, ")"));
}

absl::Status NotParsed(const char* what, const Message& message,
                       const TypeOfMessage& wanted) {
  return absl::DataLossError(absl::StrCat(
      what, " of ", message.payload.size(), " bytes that are not a ",
      View(wanted.name), " (type ", wanted.type_id, ")"));
}

}  // namespace internal

// --- Subscription
// -------------------------------------------------------------

absl::Status Subscription::CheckType(const Message& message,
                                     const internal::TypeOfMessage& wanted) {
  if (message.type_id == wanted.type_id) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("next: a message of type ", message.type_id, ", asked for ",
                   View(wanted.name), " (type ", wanted.type_id, ")"));
}

absl::StatusOr<Item> Subscription::Next(absl::Duration timeout) {
  if (core_ == nullptr) {
    return absl::FailedPreconditionError("next: the subscription is empty");
  }
  Item item;
  const core::Status status = core_->Next(DeadlineIn(timeout), &item);
  if (!status.ok()) return ToAbsl(status);
  return item;
}

void Subscription::Unsubscribe() {
  if (core_ != nullptr) core_->Unsubscribe();
}

// --- Client
// -------------------------------------------------------------------

Client::Client(std::unique_ptr<core::Client> core,
               std::unique_ptr<TypeCheck> types)
    : core_(std::move(core)), types_(std::move(types)) {}
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;
Client::~Client() = default;

absl::StatusOr<Client> Client::Connect(std::string_view url,
                                       const ClientOptions& options) {
  std::shared_ptr<const Schema> schema;
  if (!options.schema.digest.empty()) {
    absl::StatusOr<std::shared_ptr<const Schema>> parsed =
        ParseSchema(options.schema);
    if (!parsed.ok()) return parsed.status();
    schema = *std::move(parsed);
  }
  std::unique_ptr<core::Client> core;
  const core::Status status = core::Client::Connect(url, options, &core);
  if (!status.ok()) return ToAbsl(status);
  return Client(std::move(core),
                std::make_unique<TypeCheck>(std::move(schema)));
}

absl::Status Client::CheckType(const char* subject,
                               const internal::TypeOfMessage& type) const {
  return types_->Check(subject, type);
}

absl::Status Client::CheckTypes(const char* subject,
                                const internal::TypeOfMessage& question,
                                const internal::TypeOfMessage& answer) const {
  absl::Status status = types_->Check(subject, question);
  return status.ok() ? types_->Check(subject, answer) : status;
}

absl::StatusOr<RequestHandle> Client::RequestBytes(
    const internal::TypeOfMessage& question,
    const internal::TypeOfMessage& reply, const std::string& payload,
    const RequestOptions& options, bool wait, core::ReplyHandler on_reply) {
  absl::Status status = CheckTypes("request", question, reply);
  if (!status.ok()) return status;
  uint64_t call = 0;
  status = ToAbsl(core_->Request(question.type_id, AsBytes(payload),
                                 {.topic = options.topic,
                                  .deadline = DeadlineIn(options.timeout),
                                  .wait = wait},
                                 std::move(on_reply), &call));
  if (!status.ok()) return status;
  return RequestHandle(call);
}

void Client::Cancel(RequestHandle request) {
  core_->Cancel(static_cast<uint64_t>(request));
}

absl::StatusOr<Subscription> Client::RespondBytes(
    const internal::TypeOfMessage& question,
    const internal::TypeOfMessage& answer, const RespondOptions& options,
    core::RequestHandler on_request) {
  absl::Status status = CheckTypes("respond", question, answer);
  if (!status.ok()) return status;
  std::shared_ptr<core::Subscription> core;
  status = ToAbsl(
      core_->Respond({.type_id = question.type_id,
                      .topic_filter = options.topic_filter,
                      .policy = {.queue_bytes_max = options.queue_bytes_max},
                      .delivery = options.delivery},
                     std::move(on_request), &core));
  if (!status.ok()) return status;
  return Subscription(std::move(core));
}

absl::Status Client::PublishAcked(
    uint16_t type_id, std::string_view topic, std::span<const uint8_t> payload,
    std::function<void(const absl::Status&)> on_accepted,
    absl::Duration timeout) {
  return ToAbsl(core_->PublishAcked(
      type_id, topic, payload, DeadlineIn(timeout),
      [on_accepted = std::move(on_accepted)](const core::Status& status) {
        on_accepted(ToAbsl(status));
      }));
}

absl::Status Client::PublishObject(const internal::TypeOfMessage& type,
                                   const core::EncodableObject& object,
                                   const PublishOptions& options) {
  absl::Status status = types_->Check("publish", type);
  if (!status.ok()) return status;
  const core::Deadline deadline = options.timeout == absl::InfiniteDuration()
                                      ? core::kNoDeadline
                                      : DeadlineIn(options.timeout);
  return ToAbsl(
      core_->PublishObject(type.type_id, options.topic, object, deadline));
}

absl::StatusOr<Subscription> Client::SubscribeType(
    const internal::TypeOfMessage& type, const TypedSubscribeOptions& options,
    Handler handler) {
  absl::Status status = types_->Check("subscribe", type);
  if (!status.ok()) return status;
  return Subscribe(SubscribeOptions{.type_id = type.type_id,
                                    .topic_filter = options.topic_filter,
                                    .policy = options.policy,
                                    .delivery = options.delivery,
                                    .object_type = type.object_type,
                                    .group = options.group,
                                    .start = options.start},
                   std::move(handler));
}

absl::StatusOr<Subscription> Client::Subscribe(const SubscribeOptions& options,
                                               Handler handler) {
  std::shared_ptr<core::Subscription> core;
  const core::Status status =
      core_->Subscribe(options, std::move(handler), &core);
  if (!status.ok()) return ToAbsl(status);
  return Subscription(std::move(core));
}

absl::Status Client::Publish(uint16_t type_id, std::string_view topic,
                             std::span<const uint8_t> payload,
                             absl::Duration timeout) {
  // Without end is the usual case, and needs no look at the clock.
  const core::Deadline deadline = timeout == absl::InfiniteDuration()
                                      ? core::kNoDeadline
                                      : DeadlineIn(timeout);
  return ToAbsl(core_->Publish(type_id, topic, payload, deadline));
}

absl::Status Client::TryPublish(uint16_t type_id, std::string_view topic,
                                std::span<const uint8_t> payload) {
  return ToAbsl(core_->TryPublish(type_id, topic, payload));
}

absl::Status Client::Flush(absl::Duration timeout) {
  return ToAbsl(core_->Flush(DeadlineIn(timeout)));
}

absl::StatusOr<absl::Duration> Client::Ping(absl::Duration timeout) {
  const core::Deadline begin = core::Clock::now();
  const core::Status status = core_->Ping(DeadlineIn(timeout));
  if (!status.ok()) return ToAbsl(status);
  return absl::FromChrono(core::Clock::now() - begin);
}

absl::StatusOr<std::string> Client::Admin(std::string_view request,
                                          absl::Duration timeout) {
  std::string reply;
  const core::Status status =
      core_->Admin(AsBytes(request), DeadlineIn(timeout), &reply);
  if (!status.ok()) return ToAbsl(status);
  return reply;
}

void Client::Close() { core_->Close(); }

BrokerInfo Client::broker() const { return core_->broker(); }

ClientCounters Client::counters() const { return core_->counters(); }

}  // namespace mycelium
