#include "proto/handshake.h"

#include "gtest/gtest.h"

namespace mycelium {
namespace {

constexpr auto kHello = static_cast<uint8_t>(ControlKind::kHello);
constexpr auto kWelcome = static_cast<uint8_t>(ControlKind::kWelcome);
constexpr auto kSchema = static_cast<uint8_t>(ControlKind::kSchema);
constexpr auto kClose = static_cast<uint8_t>(ControlKind::kClose);

TEST(Handshake, HelloOpensABrokersSessionAndWelcomeAClients) {
  const Transition hello =
      OnFrame(Role::kBroker, SessionState::kGreeting, 0, kHello);
  EXPECT_TRUE(hello.allowed);
  EXPECT_EQ(hello.next, SessionState::kOpen);
  const Transition welcome =
      OnFrame(Role::kClient, SessionState::kGreeting, 0, kWelcome);
  EXPECT_TRUE(welcome.allowed);
  EXPECT_EQ(welcome.next, SessionState::kOpen);
}

TEST(Handshake, BeforeHelloABrokerTakesNothingElse) {
  for (int kind = 0; kind <= 255; ++kind) {
    if (kind == kHello) continue;
    EXPECT_FALSE(OnFrame(Role::kBroker, SessionState::kGreeting, 0,
                         static_cast<uint8_t>(kind))
                     .allowed);
  }
  EXPECT_FALSE(OnFrame(Role::kBroker, SessionState::kGreeting, 7, 1).allowed);
}

TEST(Handshake, HelloTwiceIsForbidden) {
  EXPECT_FALSE(OnFrame(Role::kBroker, SessionState::kOpen, 0, kHello).allowed);
  EXPECT_EQ(DescribeForbidden(Role::kBroker, SessionState::kOpen, 0, kWelcome),
            "protocol: WELCOME, not from a client to a broker");
}

TEST(Handshake, ASchemaIsAskedForOnceAndToldOnce) {
  const Transition asked =
      OnFrame(Role::kClient, SessionState::kGreeting, 0, kSchema);
  EXPECT_TRUE(asked.allowed);
  EXPECT_EQ(asked.next, SessionState::kSchemaAsked);
  EXPECT_FALSE(
      OnFrame(Role::kClient, SessionState::kSchemaAsked, 0, kSchema).allowed);
  const Transition told =
      OnFrame(Role::kBroker, SessionState::kSchemaAsked, 0, kSchema);
  EXPECT_TRUE(told.allowed);
  EXPECT_EQ(told.next, SessionState::kOpen);
  for (const Role role : {Role::kBroker, Role::kClient}) {
    EXPECT_FALSE(OnFrame(role, SessionState::kOpen, 0, kSchema).allowed);
  }
}

TEST(Handshake, DataFlowsOnlyInAnOpenSession) {
  for (const Role role : {Role::kBroker, Role::kClient}) {
    EXPECT_TRUE(OnFrame(role, SessionState::kOpen, 7, 1).allowed);
    EXPECT_FALSE(OnFrame(role, SessionState::kGreeting, 7, 1).allowed);
    EXPECT_FALSE(OnFrame(role, SessionState::kSchemaAsked, 7, 1).allowed);
    EXPECT_FALSE(OnFrame(role, SessionState::kClosed, 7, 1).allowed);
  }
}

TEST(Handshake, AfterCloseNothingIsAllowed) {
  for (const Role role : {Role::kBroker, Role::kClient}) {
    EXPECT_EQ(OnFrame(role, SessionState::kOpen, 0, kClose).next,
              SessionState::kClosed);
    for (int kind = 0; kind <= 255; ++kind) {
      EXPECT_FALSE(
          OnFrame(role, SessionState::kClosed, 0, static_cast<uint8_t>(kind))
              .allowed);
    }
  }
}

}  // namespace
}  // namespace mycelium
