// Where the object of a handler actor's behaviour lies: in its slot if it is small, else on cache
// lines of its own.
//
// A program that starts many actors makes their objects one after the other, and they then run on
// different workers. Two of them on one cache line would cost each message that changes one of them
// the way of that line from one processor to the other.
//
// Ownership: its actor's. Thread safety: whoever makes or ends the actor.
#pragma once

#include <isola/actors/cell.h>

#include <algorithm>
#include <cstddef>
#include <new>
#include <type_traits>
#include <utility>

namespace isola::detail {

template <class B>
inline constexpr bool kLiesInSlot = sizeof(B) <= ActorCell::kRoomBytes && alignof(B) <= 8;

template <class B>
struct alignas(std::max<size_t>(64, alignof(B))) OnItsLines {
  template <class... Args>
  explicit OnItsLines(Args&&... args) : value(std::forward<Args>(args)...) {}
  B value;  // first, so both have one address
};

// Throws what its constructor throws, and std::bad_alloc.
template <class B, class... Args>
void* make_behaviour(ActorCell& cell, Args&&... args) {
  if constexpr (kLiesInSlot<B>)
    return ::new (cell.room) B(std::forward<Args>(args)...);
  else
    return ::new OnItsLines<B>(std::forward<Args>(args)...);
}

template <class B>
void destroy_behaviour(void* behaviour) {
  if constexpr (kLiesInSlot<B>)
    static_cast<B*>(behaviour)->~B();
  else
    ::delete static_cast<OnItsLines<B>*>(behaviour);
}

}  // namespace isola::detail
