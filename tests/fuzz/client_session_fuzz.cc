// What any peer may send to a client: bytes, handed over at once and in pieces,
// which must come to the same.  The first byte of the input says how large the
// pieces are.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <variant>
#include <vector>

#include "client/core/session.h"

namespace {

using mycelium::FrameView;
using mycelium::core::FrameRun;
using mycelium::core::Session;

void Require(bool holds) {
  if (!holds) std::abort();
}

// Adds one line for the event, or for each frame of a run.
void Note(const Session::Event& event, std::vector<std::string>* events) {
  std::visit(
      [events](const auto& what) {
        using What = std::decay_t<decltype(what)>;
        if constexpr (std::is_same_v<What, FrameRun>) {
          const uint8_t* at = what.bytes.data();
          const uint8_t* const end = at + what.bytes.size();
          Require(at != end);
          while (at != end) {
            const FrameView frame{mycelium::LoadHeader(at), at};
            Require(frame.header.type_id == what.first().type_id);
            Require(frame.topic() == what.topic());
            events->emplace_back(at, at + frame.frame_bytes());
            at += frame.frame_bytes();
          }
        } else if constexpr (std::is_same_v<What, Session::ProtocolError>) {
          Require(!what.reason.empty());
          Require(mycelium::ValidUtf8(what.reason));
          events->push_back(what.reason);
        } else if constexpr (std::is_same_v<What, mycelium::core::CloseBody>) {
          Require(mycelium::ValidUtf8(what.reason));
          events->push_back(mycelium::core::CodeName(what.code) + what.reason);
        } else if constexpr (std::is_same_v<What, mycelium::core::GapBody>) {
          for (const auto& range : what.gap.ranges) {
            Require(range.first_sequence <= range.last_sequence);
          }
          events->push_back("gap " + std::to_string(what.gap.ranges.size()));
        } else if constexpr (std::is_same_v<What, mycelium::core::HoldBody>) {
          Require(mycelium::ValidUtf8(what.by_name));
          events->push_back("hold " + what.by_name);
        }
      },
      event);
  events->push_back("event " + std::to_string(event.index()));
}

std::vector<std::string> Read(std::span<const uint8_t> bytes, size_t piece) {
  Session session;
  std::vector<std::string> events;
  size_t begin = 0;
  for (size_t end = 0; end < bytes.size();) {
    end = std::min(end + piece, bytes.size());
    while (true) {
      // Memory of its own, so that a look beyond its end is found.
      const size_t size = end - begin;
      const auto input = std::make_unique<uint8_t[]>(size);
      std::copy_n(bytes.data() + begin, size, input.get());
      Session::Event event;
      const size_t consumed = session.Next({input.get(), size}, &event);
      Require(consumed <= size);
      if (consumed == 0) {
        Require(std::holds_alternative<Session::NeedMore>(event));
        break;
      }
      begin += consumed;
      Note(event, &events);
      if (std::holds_alternative<Session::ProtocolError>(event) ||
          std::holds_alternative<mycelium::core::CloseBody>(event)) {
        return events;
      }
    }
  }
  return events;
}

// A run that arrives in pieces is several runs: their number does not count.
std::vector<std::string> WithoutRuns(std::vector<std::string> events) {
  const std::string run =
      "event " + std::to_string(Session::Event(FrameRun{}).index());
  std::erase(events, run);
  return events;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // Each piece is copied: more would be slow and find nothing new.
  if (size == 0 || size > 4096) return 0;
  const std::span<const uint8_t> bytes(data + 1, size - 1);
  Require(WithoutRuns(Read(bytes, size)) ==
          WithoutRuns(Read(bytes, size_t{data[0]} + 1)));
  return 0;
}
