#include "client/cli/status_text.h"

#include <sstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace mycelium::cli {
namespace {

using testing::HasSubstr;

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

TEST(StatusTables, ShowNoControlCharactersOfPeers) {
  mycelium::wire::Status status = Example();
  status.mutable_sessions(0)->set_name("\x1b[2J");
  EXPECT_THAT(StatusTables(status), HasSubstr("\\x1b[2J"));
}

TEST(StatusJson, IsOneLineWithEveryField) {
  mycelium::wire::Status status;
  status.set_broker_name("a \"b\"");
  status.add_listeners("unix:/s");
  status.add_sessions()->add_subscriptions()->set_stall_ms_max(-1);
  status.mutable_sessions(0)->set_schema_digest(std::string(32, '\xab'));
  const std::string digest =
      "m1:abababababababababababababababababababababababababababababababab";
  const std::string counters =
      "{\"frames_in\":0,\"bytes_in\":0,\"frames_out\":0,\"bytes_out\":0,"
      "\"frames_dropped\":0,\"gaps\":0,\"holds\":0}";
  EXPECT_EQ(
      StatusJson(status),
      "{\"broker_name\":\"a \\\"b\\\"\",\"broker_version\":\"\","
      "\"epoch\":\"0\",\"uptime_ms\":0,\"listeners\":[\"unix:/s\"],"
      "\"sessions\":[{\"session_id\":0,\"name\":\"\",\"peer\":\"\","
      "\"connected_ms\":0,\"subscriptions\":[{\"subscription_id\":0,"
      "\"type_id\":0,\"topic_filter\":\"\",\"queued_bytes\":0,"
      "\"queue_bytes_max\":0,\"stall_ms_max\":-1,\"holding\":false,"
      "\"frames_dropped\":0}],\"queued_bytes\":0,\"counters\":" +
          counters +
          ",\"read_paused\":false,\"subscriptions_total\":0,"
          "\"schema_digest\":\"" +
          digest + "\"}],\"counters\":" + counters +
          ",\"memory_bytes\":0,\"memory_bytes_max\":0,\"sessions_total\":0,"
          "\"more\":false,\"schemas\":0,\"schemas_bytes\":0}\n");
}

}  // namespace
}  // namespace mycelium::cli
