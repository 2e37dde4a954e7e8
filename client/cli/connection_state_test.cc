#include "client/cli/connection_state.h"

#include "gtest/gtest.h"

namespace mycelium::cli {
namespace {

using core::State;
using core::Status;
using core::StatusCode;

TEST(StateLine, TellsWhatPeopleHaveToKnow) {
  const Status lost = {StatusCode::kUnavailable, "connection: lost"};
  const Status held = {StatusCode::kUnavailable,
                       "type 7 is held by session 12 (recorder)"};
  EXPECT_EQ(StateLine("sub", State::kConnected, State::kReconnecting, lost),
            "mycelium sub: connection: lost; reconnecting\n");
  EXPECT_EQ(StateLine("sub", State::kReconnecting, State::kConnected, {}),
            "mycelium sub: connected again\n");
  EXPECT_EQ(StateLine("pub", State::kConnected, State::kStalled, held),
            "mycelium pub: held back: type 7 is held by session 12 "
            "(recorder)\n");
  EXPECT_EQ(StateLine("pub", State::kStalled, State::kConnected, {}),
            "mycelium pub: no longer held back\n");
}

TEST(StateLine, SaysNothingOfTheFirstConnectionAndTheEnd) {
  EXPECT_EQ(StateLine("sub", State::kConnecting, State::kConnected, {}), "");
  EXPECT_EQ(StateLine("sub", State::kConnected, State::kClosed, {}), "");
  EXPECT_EQ(StateLine("sub", State::kReconnecting, State::kReconnecting, {}),
            "");
}

TEST(StateLine, HasNoControlCharactersOfThePeer) {
  EXPECT_EQ(StateLine("sub", State::kConnected, State::kStalled,
                      {StatusCode::kUnavailable, "by \x1b[2J"}),
            "mycelium sub: held back: by \\x1b[2J\n");
}

}  // namespace
}  // namespace mycelium::cli
