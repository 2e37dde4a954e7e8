// What is wrong with a request whose body parses: an error text and its code;
// empty: nothing.  Pure and thread-safe.
#ifndef MYCELIUM_BROKER_REQUEST_FAULTS_H_
#define MYCELIUM_BROKER_REQUEST_FAULTS_H_

#include <cstddef>
#include <string>

#include "config/broker_limits.h"
#include "proto/mycelium/control.pb.h"

namespace mycelium::broker {

std::string HelloFault(const wire::Hello& hello, wire::Code* code);

// `subscriptions`: what the session has already.
std::string SubscribeFault(const wire::Subscribe& request,
                           const BrokerLimits& limits, size_t subscriptions,
                           wire::Code* code);

}  // namespace mycelium::broker

#endif  // MYCELIUM_BROKER_REQUEST_FAULTS_H_
