// One object on the current isolate's heap, and its one owner.
//
//   isola::own_ptr<Tree> tree = isola::make_own<Tree>(depth);
//   isola::own_ptr<Shape> shape = isola::make_own<Circle>(2.0);   // Shape has a virtual destructor
//
// It is a std::unique_ptr that knows the heap and the size of its object. At the end of an isolate,
// whose heap goes whole, objects of which dropped_with_heap says so are not destroyed.
// Thread safety: that of the heap.
#pragma once

#include <isola/actors/containers.h>

#include <cstddef>
#include <memory>
#include <memory_resource>
#include <type_traits>
#include <utility>

namespace isola {

// Destroys an object of a heap and gives its memory back.
template <class T>
class HeapDelete {
 public:
  HeapDelete() = default;
  // Of an object of this size, made as a T or as what T is a base of.
  HeapDelete(std::pmr::memory_resource* heap, size_t bytes, size_t alignment)
      : heap_(heap), bytes_(bytes), alignment_(alignment) {}
  template <class U>
    requires(std::is_convertible_v<U*, T*>)
  HeapDelete(const HeapDelete<U>& other)
      : heap_(other.heap()), bytes_(other.bytes()), alignment_(other.alignment()) {
    static_assert(std::has_virtual_destructor_v<T> || std::same_as<std::remove_cv_t<T>, U>,
                  "isola: an own_ptr to a base class needs its virtual destructor");
  }
  void operator()(T* object) const {
    if constexpr (dropped_with_heap<std::remove_cv_t<T>> && !std::is_polymorphic_v<T>)
      if (detail::goes_whole(heap_)) return;
    void* memory = place(object);
    std::destroy_at(object);
    heap_->deallocate(memory, bytes_, alignment_);
  }

  std::pmr::memory_resource* heap() const { return heap_; }
  size_t bytes() const { return bytes_; }
  size_t alignment() const { return alignment_; }

 private:
  static void* place(T* object) {
    using Plain = std::remove_cv_t<T>;
    if constexpr (std::is_polymorphic_v<T>)
      return dynamic_cast<void*>(const_cast<Plain*>(object));  // a base may lie further inside
    else
      return const_cast<Plain*>(object);
  }

  std::pmr::memory_resource* heap_ = nullptr;
  size_t bytes_ = 0;
  size_t alignment_ = 1;
};

template <class T>
using own_ptr = std::unique_ptr<T, HeapDelete<T>>;

template <class T>
  requires(!std::is_polymorphic_v<T>)
struct DroppedWithHeap<own_ptr<T>> : std::bool_constant<dropped_with_heap<T>> {};

// Makes a T on the current heap. Fails: throws std::bad_alloc, and what the constructor throws.
template <class T, class... Args>
own_ptr<T> make_own(Args&&... args) {
  std::pmr::memory_resource& memory = heap();
  void* place = memory.allocate(sizeof(T), alignof(T));
  try {
    return own_ptr<T>(::new (place) T(std::forward<Args>(args)...),
                      HeapDelete<T>(&memory, sizeof(T), alignof(T)));
  } catch (...) {
    memory.deallocate(place, sizeof(T), alignof(T));
    throw;
  }
}

}  // namespace isola
