// The release; the protocol's version is in proto/frame.h.
#ifndef MYCELIUM_BROKER_VERSION_H_
#define MYCELIUM_BROKER_VERSION_H_

namespace mycelium {

inline constexpr char kVersion[] = "0.1.0";

}  // namespace mycelium

#endif  // MYCELIUM_BROKER_VERSION_H_
