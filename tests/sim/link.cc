#include "tests/sim/link.h"

#include <string_view>

#include "proto/frame.h"
#include "proto/mycelium/control.pb.h"

namespace mycelium::sim {

void Link::WriteUp(std::string_view bytes) {
  if (silent) return;
  up.append(bytes);
  for (const char byte : bytes) {
    up_frame.push_back(byte);
    ++up_written;
    if (up_frame.size() < kHeaderBytes) continue;
    const FrameHeader header =
        LoadHeader(reinterpret_cast<const uint8_t*>(up_frame.data()));
    if (up_frame.size() < size_t{kHeaderBytes} + header.body_bytes) continue;
    if (header.type_id == 0 &&
        header.kind == static_cast<uint8_t>(ControlKind::kSubscribe)) {
      wire::Subscribe subscribe;
      subscribe.ParseFromString(up_frame.substr(kHeaderBytes));
      subscribes.emplace_back(up_written, subscribe.subscription_id());
    }
    up_frame.clear();
  }
}

}  // namespace mycelium::sim
