// What a channel is made with: how much it holds, and what happens when that is not enough.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

namespace isola {

// The largest bound of a channel: beyond it a program wants a database.
inline constexpr size_t kChannelItemsMax = size_t{1} << 30;

// How many messages wait in a channel at most: `rendezvous`, `bounded(n)` or `unbounded`, and
// optionally how much memory they hold: bounded(64).bytes(1_MiB). No number stands for a kind.
class Capacity {
 public:
  enum class Kind : uint8_t { rendezvous, bounded, unbounded };

  // As this one, and what waits holds at most `bytes_max` bytes (bodies and what is attached to
  // them). One message that is larger than that passes when nothing else waits.
  // Throws std::out_of_range if that is zero.
  constexpr Capacity bytes(uint64_t bytes_max) const {
    if (bytes_max == 0) throw std::out_of_range("isola: a channel's bytes: size out of range: 0");
    Capacity capacity = *this;
    capacity.bytes_ = bytes_max;
    return capacity;
  }

  constexpr Kind kind() const { return kind_; }
  // The bound of a bounded one, else nothing.
  constexpr std::optional<size_t> items() const {
    return kind_ == Kind::bounded ? std::optional<size_t>(items_) : std::nullopt;
  }
  constexpr std::optional<uint64_t> bytes() const {
    return bytes_ != kAnyBytes ? std::optional<uint64_t>(bytes_) : std::nullopt;
  }
  // "rendezvous", "bounded(64)", "unbounded, 1048576 bytes"
  std::string to_string() const;
  constexpr bool operator==(const Capacity&) const = default;

  static constexpr Capacity of(Kind kind, size_t items = 0) {
    Capacity capacity;
    capacity.kind_ = kind;
    capacity.items_ = items;
    return capacity;
  }

 private:
  static constexpr uint64_t kAnyBytes = UINT64_MAX;
  constexpr Capacity() = default;

  Kind kind_ = Kind::rendezvous;
  size_t items_ = 0;
  uint64_t bytes_ = kAnyBytes;
};

// Holds nothing: a send returns when its message was taken.
inline constexpr Capacity rendezvous = Capacity::of(Capacity::Kind::rendezvous);
// Never full; the message pool's bound remains.
inline constexpr Capacity unbounded = Capacity::of(Capacity::Kind::unbounded);
// Holds up to `items` messages. Throws std::out_of_range unless 1 <= items <= kChannelItemsMax.
template <std::integral N>
  requires(!std::same_as<N, bool>)
constexpr Capacity bounded(N items) {
  if (std::cmp_less(items, 1) || std::cmp_greater(items, kChannelItemsMax))
    throw std::out_of_range("isola: a channel's bound: size out of range: " +
                            std::to_string(items));
  return Capacity::of(Capacity::Kind::bounded, static_cast<size_t>(items));
}

// What a send does that finds no room.
enum class Overflow : uint8_t {
  wait,         // waits for room; try_send fails with channel_full
  fail,         // fails with channel_full
  drop_newest,  // succeeds, and the message is dropped
  drop_oldest,  // succeeds, and the oldest that waits is dropped
  keep_latest,  // as drop_oldest; and a message takes the place of one that waits with an equal key
};

// What becomes of a message that waits when the isolate that sent it is gone.
enum class OwnerGone : uint8_t {
  keep,   // it is received as ever
  drop,   // it vanishes
  mark,   // a marker without body takes its place: Delivery::is_marker()
  error,  // its receipt fails once, with item_owner_destroyed
};

// The two sides of a channel.
enum class Side : uint8_t { send, receive };

// Whether a close may drop what waits.
enum class Force : uint8_t { no, yes };

}  // namespace isola
