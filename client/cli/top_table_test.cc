#include "client/cli/top_table.h"

#include "absl/strings/str_join.h"
#include "gtest/gtest.h"

namespace mycelium::cli {
namespace {

wire::SessionStatus SessionOf(uint32_t id, const std::string& name,
                              uint64_t frames_in, uint64_t frames_out) {
  wire::SessionStatus session;
  session.set_session_id(id);
  session.set_name(name);
  session.set_peer("unix:uid=1000,pid=4194304");
  session.mutable_counters()->set_frames_in(frames_in);
  session.mutable_counters()->set_frames_out(frames_out);
  return session;
}

wire::Status StatusAt(uint64_t uptime_ms, uint64_t frames) {
  wire::Status status;
  status.set_broker_name("here");
  status.set_broker_version("1.2.3");
  status.set_epoch(9);
  status.set_uptime_ms(uptime_ms);
  status.set_sessions_total(2);
  status.mutable_counters()->set_frames_in(frames);
  status.mutable_counters()->set_bytes_in(frames * 100);
  status.set_memory_bytes_max(1 << 30);
  wire::TypeStatus* const type = status.add_types();
  type->set_type_id(7);
  type->set_frames_in(frames);
  status.add_types()->set_type_id(3);
  *status.add_sessions() = SessionOf(1, "quiet", 5, 0);
  *status.add_sessions() = SessionOf(2, "busy", frames, 0);
  wire::SubscriptionStatus* const s =
      status.mutable_sessions(0)->add_subscriptions();
  s->set_type_id(7);
  s->set_queued_bytes(2048);
  s->set_holding(true);
  return status;
}

std::string Text(const std::vector<std::string>& lines) {
  return absl::StrJoin(lines, "\n") + "\n";
}

TEST(TopTable, ShowsRatesOfTwoAnswersTheBusiestFirst) {
  const wire::Status before = StatusAt(10'000, 1'000);
  const wire::Status now = StatusAt(12'000, 5'000);
  EXPECT_EQ(Text(TopTable(&before, now, {{7, "chat.TextMessage"}}, 80)),
            R"(mycelium-brokerd here 1.2.3, up 12s
in 2000/s, 195 KiB/s       out 0/s, 0 B/s
queued 0 B, dropped 0      memory 0 B of 1 GiB

 TYPE NAME                                     IN/s     IN  SUBS   QUEUED
    7 chat.TextMessage                         2000   5000     1    2 KiB hold
    3 -                                           0      0     0      0 B

    ID SESSION, 2 in all   PEER                  IN/s  OUT/s   QUEUED   DROP
     2 busy                unix:uid=1000,pid=~   2000      0      0 B      0
     1 quiet               unix:uid=1000,pid=~      0      0      0 B      0
)");
}

TEST(TopTable, HasNoRatesWithoutAnEarlierAnswerOfTheSameBroker) {
  wire::Status before = StatusAt(10'000, 1'000);
  const wire::Status now = StatusAt(12'000, 5'000);
  const std::string without = Text(TopTable(nullptr, now, {}, 80));
  EXPECT_NE(without.find("in 5000 in all"), std::string::npos) << without;
  EXPECT_NE(without.find("     -   5000"), std::string::npos) << without;
  before.set_epoch(8);
  EXPECT_EQ(Text(TopTable(&before, now, {}, 80)), without);
}

TEST(TopTable, KeepsToTheColumns) {
  wire::Status now = StatusAt(12'000, 18'000'000'000'000'000'000u);
  now.set_broker_name(std::string(128, 'n'));
  now.set_broker_version(std::string(128, 'v'));
  now.mutable_sessions(0)->set_name(std::string(128, 's'));
  now.mutable_sessions(0)->set_queued_bytes(UINT64_MAX);
  const wire::Status before = StatusAt(10'000, 0);
  for (const size_t columns : {60, 80, 132, 200}) {
    for (const std::string& line :
         TopTable(&before, now, {{7, std::string(255, 't')}}, columns)) {
      EXPECT_LE(line.size(), columns) << line;
    }
  }
}

TEST(FitRows, CountsWhatItLeavesOut) {
  EXPECT_EQ(Text(FitRows({"a", "b", "c", "d"}, 3)), "a\nb\nand 2 more lines\n");
  EXPECT_EQ(FitRows({"a", "b"}, 2).size(), 2u);
}

}  // namespace
}  // namespace mycelium::cli
