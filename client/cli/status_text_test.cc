#include "client/cli/status_text.h"

#include <sstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace mycelium::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

mycelium::wire::Status Example() {
  mycelium::wire::Status status;
  status.set_broker_name("edge1");
  status.set_broker_version("0.1.0");
  status.set_epoch(42);
  status.set_uptime_ms(3'723'456);
  status.add_listeners("unix:/run/mycelium/brokerd.sock");
  status.add_listeners("tcp://127.0.0.1:6940");
  status.mutable_counters()->set_frames_in(UINT64_MAX);
  wire::SessionStatus* session = status.add_sessions();
  session->set_session_id(16384);
  session->set_name("a name that is longer than its column");
  session->set_schema_digest(std::string(32, '\xab'));
  session->set_peer("unix:uid=1000,pid=4194304");
  session->set_queued_bytes(UINT64_MAX);
  for (auto set :
       {&wire::Counters::set_frames_in, &wire::Counters::set_frames_out,
        &wire::Counters::set_frames_dropped}) {
    (session->mutable_counters()->*set)(UINT64_MAX);
  }
  session->set_read_paused(true);
  session->set_subscriptions_total(1024);
  wire::SubscriptionStatus* subscription = session->add_subscriptions();
  subscription->set_type_id(65535);
  subscription->set_topic_filter("a.topic.filter.longer.than.its.column.>");
  subscription->set_queued_bytes(1023);
  subscription->set_queue_bytes_max(268435456);
  subscription->set_stall_ms_max(-1);
  subscription->set_holding(true);
  subscription->set_frames_dropped(3);
  return status;
}

TEST(StatusTables, FitInto80ColumnsWhateverTheNumbers) {
  std::istringstream lines(StatusTables(Example()));
  for (std::string line; std::getline(lines, line);) {
    EXPECT_LE(line.size(), 80u) << line;
  }
}

TEST(StatusTables, ShowBrokerListenersSessionsAndSubscriptions) {
  std::string text = StatusTables(Example());
  EXPECT_THAT(text, HasSubstr("mycelium-brokerd edge1 0.1.0, up 1h2m3s"));
  EXPECT_THAT(text, HasSubstr("tcp://127.0.0.1:6940\n"));
  EXPECT_THAT(text,
              HasSubstr(" 16384 a name that is~ uid=1000,pid=4194304 ababab "));
  EXPECT_THAT(text, HasSubstr("type 65535 a.topic.filter"));
  EXPECT_THAT(text, HasSubstr("1023 B of 256 MiB holding\n"));
  EXPECT_THAT(text, HasSubstr("3 frames dropped"));
  EXPECT_THAT(text, HasSubstr("and 1023 more subscriptions\n"));
}

TEST(StatusTables, ShowHowManySchemasAreKnownAndWhichSessionsHaveNone) {
  mycelium::wire::Status status = Example();
  status.set_schemas(3);
  status.set_schemas_bytes(2048);
  status.mutable_sessions(0)->clear_schema_digest();
  std::string text = StatusTables(status);
  EXPECT_THAT(text, HasSubstr("schemas    3 of 2 KiB\n"));
  EXPECT_THAT(text, HasSubstr("pid=4194304 raw "));
}

TEST(StatusTables, ShowWhatTheyHaveToTellOfDelivery) {
  mycelium::wire::Status status = Example();
  EXPECT_THAT(StatusTables(status), Not(HasSubstr("requests")));
  wire::Counters* total = status.mutable_counters();
  total->set_frames_conflated(3);
  total->set_deadlocks(1);
  total->set_frames_redelivered(4);
  total->set_requests(12);
  total->set_replies_late(1);
  status.set_instances_away(2);
  wire::HistoryStatus* rule = status.add_history();
  rule->add_types(7);
  rule->add_types(300);
  rule->set_topic_filter("sensors.>");
  rule->set_frames(10);
  rule->set_bytes(2048);
  status.add_history();
  wire::SessionStatus* session = status.mutable_sessions(0);
  wire::HeldType* held = session->add_held();
  held->set_type_id(7);
  held->set_by_session_id(12);
  held->set_by_name("recorder");
  session->add_held()->set_by_session_id(13);
  session->set_requests_open(1);
  session->mutable_subscriptions(0)->set_group("workers");
  session->add_subscriptions()->set_responder(true);
  const std::string text = StatusTables(status);
  EXPECT_THAT(text, HasSubstr("3 of them folded, 1 circles of lossless"));
  EXPECT_THAT(text, HasSubstr("frames     4 handed to others of a group\n"));
  EXPECT_THAT(text, HasSubstr("requests   12 in all, 1 answered late\n"));
  EXPECT_THAT(text, HasSubstr("instances  2 away\n"));
  EXPECT_THAT(text,
              HasSubstr("history    types 7,300 sensors.>: 10 frames, 2 KiB\n"
                        "           all types: 0 frames, 0 B\n"));
  EXPECT_THAT(text, HasSubstr("held: type 7, by session 12 (recorder)\n"));
  EXPECT_THAT(text, HasSubstr("held: type all, by session 13 ()\n"));
  EXPECT_THAT(text, HasSubstr("requests: 1 open, 0 to answer\n"));
  EXPECT_THAT(text, HasSubstr("group workers\n"));
  EXPECT_THAT(text, HasSubstr("responds\n"));
}

TEST(StatusTables, ShowNoControlCharactersOfPeers) {
  mycelium::wire::Status status = Example();
  status.mutable_sessions(0)->set_name("\x1b[2J");
  EXPECT_THAT(StatusTables(status), HasSubstr("\\x1b[2J"));
}

TEST(StatusJson, IsOneLineWithEveryField) {
  mycelium::wire::Status status;
  status.set_broker_name("a \"b\"");
  status.add_types()->set_type_id(7);
  status.add_listeners("unix:/s");
  status.add_sessions()->add_subscriptions()->set_stall_ms_max(-1);
  status.mutable_sessions(0)->set_schema_digest(std::string(32, '\xab'));
  status.mutable_sessions(0)->add_held()->set_type_id(7);
  status.add_history()->add_types(1);
  status.mutable_history(0)->add_types(2);
  const std::string digest =
      "m1:abababababababababababababababababababababababababababababababab";
  const std::string counters =
      "{\"frames_in\":0,\"bytes_in\":0,\"frames_out\":0,\"bytes_out\":0,"
      "\"frames_dropped\":0,\"gaps\":0,\"holds\":0,\"frames_conflated\":0,"
      "\"frames_duplicate\":0,\"frames_redelivered\":0,\"frames_replayed\":0,"
      "\"requests\":0,\"requests_unanswered\":0,\"replies_late\":0,"
      "\"resumed\":0,\"deadlocks\":0}";
  EXPECT_EQ(
      StatusJson(status),
      "{\"broker_name\":\"a \\\"b\\\"\",\"broker_version\":\"\","
      "\"epoch\":\"0\",\"uptime_ms\":0,\"listeners\":[\"unix:/s\"],"
      "\"sessions\":[{\"session_id\":0,\"name\":\"\",\"peer\":\"\","
      "\"connected_ms\":0,\"subscriptions\":[{\"subscription_id\":0,"
      "\"type_id\":0,\"topic_filter\":\"\",\"queued_bytes\":0,"
      "\"queue_bytes_max\":0,\"stall_ms_max\":-1,\"holding\":false,"
      "\"frames_dropped\":0,\"group\":\"\",\"responder\":false,\"overflow\":0,"
      "\"frames\":0}],\"queued_bytes\":0,\"counters\":" +
          counters +
          ",\"read_paused\":false,\"subscriptions_total\":0,"
          "\"schema_digest\":\"" +
          digest +
          "\",\"held\":[{\"type_id\":7,\"by_session_id\":0,\"by_name\":\"\"}],"
          "\"requests_open\":0,\"requests_asked\":0}],\"counters\":" +
          counters +
          ",\"memory_bytes\":0,\"memory_bytes_max\":0,\"sessions_total\":0,"
          "\"more\":false,\"schemas\":0,\"schemas_bytes\":0,"
          "\"instances_away\":0,\"history\":[{\"types\":[1,2],"
          "\"topic_filter\":\"\",\"frames\":0,\"bytes\":0}],"
          "\"types\":[{\"type_id\":7,\"frames_in\":0}],\"sessions_max\":0,"
          "\"descriptors_left\":0,\"unix_ms\":0}\n");
}

}  // namespace
}  // namespace mycelium::cli
