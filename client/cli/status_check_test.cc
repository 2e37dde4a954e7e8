#include "client/cli/status_check.h"

#include <string>

#include "gtest/gtest.h"

namespace mycelium::cli {
namespace {

wire::Status Healthy() {
  wire::Status status;
  status.set_sessions_total(1);
  status.set_sessions_max(100);
  status.set_descriptors_left(1000);
  status.set_memory_bytes(1 << 20);
  status.set_memory_bytes_max(1 << 30);
  status.set_unix_ms(1'000'000);
  return status;
}

std::string ProblemsOf(const wire::Status& status) {
  std::string text;
  for (const Finding& finding : CheckStatus(status, 1'000'500)) {
    if (finding.kind != Finding::Kind::kProblem) continue;
    text += finding.subject + ": " + finding.text + "\n";
    EXPECT_NE(finding.remedy, "");
  }
  return text;
}

TEST(CheckStatus, FindsNothingWhereNothingIsWrong) {
  EXPECT_EQ(ProblemsOf(Healthy()), "");
  EXPECT_EQ(CheckStatus(Healthy(), 1'000'500).size(), 6u);
}

TEST(CheckStatus, FindsLimitsThatAreNear) {
  wire::Status status = Healthy();
  status.set_sessions_total(89);
  EXPECT_EQ(ProblemsOf(status), "");
  status.set_sessions_total(90);
  status.set_descriptors_left(63);
  status.set_memory_bytes(1'000'000'000);
  EXPECT_EQ(ProblemsOf(status),
            "sessions: 90 of 100 that limits.sessions_max allows\n"
            "files: the broker may open 63 more\n"
            "memory: 954 MiB of frames, of 1 GiB that limits.total_bytes_max "
            "allows\n");
}

TEST(CheckStatus, NamesWhoIsBehindAndWhoWaitsForIt) {
  wire::Status status = Healthy();
  wire::SessionStatus* const slow = status.add_sessions();
  slow->set_session_id(4);
  slow->set_name("slow\n");
  wire::SubscriptionStatus* const s = slow->add_subscriptions();
  s->set_type_id(7);
  s->set_queued_bytes(4000);
  s->set_queue_bytes_max(4096);
  wire::SessionStatus* const held = status.add_sessions();
  held->set_session_id(5);
  wire::HeldType* const type = held->add_held();
  type->set_type_id(7);
  type->set_by_session_id(4);
  type->set_by_name("slow\n");
  EXPECT_EQ(ProblemsOf(status),
            "queues: session 4 (slow\\n) has 3.9 KiB of 4 KiB waiting of type "
            "7\n"
            "held: session 5 may not publish type 7 because of session 4 "
            "(slow\\n)\n");
}

TEST(CheckStatus, CountsWhatIsTooMuchToList) {
  wire::Status status = Healthy();
  wire::SessionStatus* const slow = status.add_sessions();
  for (int i = 0; i < 20; ++i) {
    wire::SubscriptionStatus* const s = slow->add_subscriptions();
    s->set_queued_bytes(4096);
    s->set_queue_bytes_max(4096);
  }
  const std::string text = ProblemsOf(status);
  EXPECT_NE(text.find("; and 12 more\n"), std::string::npos) << text;
}

TEST(CheckStatus, FindsAClockThatDiffers) {
  wire::Status status = Healthy();
  status.set_unix_ms(990'000);
  EXPECT_EQ(ProblemsOf(status),
            "clock: the broker's differs from this machine's by 10500 ms\n");
}

}  // namespace
}  // namespace mycelium::cli
