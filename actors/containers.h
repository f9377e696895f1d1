// Containers whose memory is on the current isolate's heap.
//
//   isola::vector<isola::string> lines;                   // made in an actor: on its heap
//   isola::map<isola::string, isola::vector<int>> index;
//   isola::unordered_set<isola::string> seen;
//
// They are those of the standard library with isola::allocator, and one thing more: at the end of
// an isolate, whose heap goes whole, they don't walk over their elements to give back memory piece
// by piece. So a kill costs by chunk of the heap and not by object. The compiler decides where that
// is possible: where nothing but memory of the heap hangs on the elements, as dropped_with_heap<T>
// says. Elements of all other types, a Delivery or std::string for example, are destroyed as ever.
//
// Thread safety: as the standard's; a heap serves its isolate only.
// Invariants: 1. What a container and its elements allocate comes from the container's own heap:
//                the elements are made with its allocator.
#pragma once

#include <isola/actors/heap.h>
#include <isola/context/execution.h>

#include <concepts>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory_resource>
#include <new>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

namespace isola {

// True if the destructor of a T need not run when the heap goes on which it lies: it does nothing
// but give memory back to this heap. Say it of a class of your own by naming it in itself, if all
// its members are such, or channel ends or Owned (which the resource list releases):
//
//   struct Entry {
//     using dropped_with_heap = Entry;
//     isola::string name;
//     isola::vector<int> places;
//   };
template <class T>
struct DroppedWithHeap : std::is_trivially_destructible<T> {};
template <class T>
  requires std::same_as<typename T::dropped_with_heap, T>
struct DroppedWithHeap<T> : std::true_type {};
template <class T>
inline constexpr bool dropped_with_heap = DroppedWithHeap<T>::value;

template <>
struct DroppedWithHeap<string> : std::true_type {};
template <class A, class B>
struct DroppedWithHeap<std::pair<A, B>>
    : std::bool_constant<dropped_with_heap<A> && dropped_with_heap<B>> {};
template <class... T>
struct DroppedWithHeap<std::tuple<T...>> : std::bool_constant<(dropped_with_heap<T> && ...)> {};

namespace detail {

// True while the isolate is ended or reset whose heap this is.
inline bool goes_whole(const std::pmr::memory_resource* heap) {
  return heap == Execution::current().dropped_heap && heap != nullptr;
}

// Empties the container without a look at its elements, if its heap is being dropped.
template <class C>
void forget_elements(C& container) noexcept {
  if (!goes_whole(container.get_allocator().resource())) [[likely]]
    return;
  alignas(C) unsigned char nowhere[sizeof(C)];
  try {
    ::new (nowhere) C(std::move(container));  // never destroyed
  } catch (...) {  // a deque that is moved asks for memory: then it goes piece by piece
  }
}

// The standard library has no hash for strings with an allocator of ours.
template <class K>
using Hash = std::conditional_t<std::same_as<K, string>, std::hash<std::string_view>, std::hash<K>>;

// Base, a container of the standard library with elements of the types E.
template <class Base, class... E>
class Container : public Base {
 public:
  using Base::Base;
  using Base::operator=;
  Container() = default;
  Container(const Container&) = default;
  Container(Container&&) = default;
  Container& operator=(const Container&) = default;
  Container& operator=(Container&&) = default;
  ~Container() {
    if constexpr ((dropped_with_heap<E> && ...)) forget_elements(static_cast<Base&>(*this));
  }
};

}  // namespace detail

template <class Base, class... E>
struct DroppedWithHeap<detail::Container<Base, E...>>
    : std::bool_constant<(dropped_with_heap<E> && ...)> {};

template <class T>
using vector = detail::Container<std::vector<T, allocator<T>>, T>;
template <class T>
using deque = detail::Container<std::deque<T, allocator<T>>, T>;
template <class T>
using list = detail::Container<std::list<T, allocator<T>>, T>;
template <class K, class V, class Compare = std::less<K>>
using map = detail::Container<std::map<K, V, Compare, allocator<std::pair<const K, V>>>, K, V>;
template <class K, class Compare = std::less<K>>
using set = detail::Container<std::set<K, Compare, allocator<K>>, K>;
template <class K, class V, class Hash = detail::Hash<K>, class Equal = std::equal_to<K>>
using unordered_map =
    detail::Container<std::unordered_map<K, V, Hash, Equal, allocator<std::pair<const K, V>>>, K,
                      V>;
template <class K, class Hash = detail::Hash<K>, class Equal = std::equal_to<K>>
using unordered_set = detail::Container<std::unordered_set<K, Hash, Equal, allocator<K>>, K>;

}  // namespace isola
