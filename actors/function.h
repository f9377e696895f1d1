// Something callable whose state is on the current isolate's heap.
//
//   isola::function<int(int)> scale = [factor](int x) { return factor * x; };
//   isola::function<void()> later = [delivery = std::move(delivery)] { use(delivery); };
//
// As std::function, but it moves and does not copy, so it may hold what only moves; and what is too
// large for its three words lies on the heap that was the current one as it was made.
// Thread safety: that of what it calls.
#pragma once

#include <isola/actors/heap.h>

#include <concepts>
#include <cstddef>
#include <functional>
#include <memory>
#include <memory_resource>
#include <new>
#include <type_traits>
#include <utility>

namespace isola {

template <class Signature>
class function;

template <class R, class... Args>
class function<R(Args...)> {
 public:
  function() = default;
  function(std::nullptr_t) {}
  // Fails: throws std::bad_alloc, and what moving or copying F throws.
  template <class F>
    requires(!std::same_as<std::decay_t<F>, function> &&
             std::is_invocable_r_v<R, std::decay_t<F>&, Args...>)
  function(F&& f) {
    using Target = std::decay_t<F>;
    if constexpr (std::is_pointer_v<Target> || std::is_member_pointer_v<Target>)
      if (f == nullptr) return;
    if constexpr (kFits<Target>) {
      ::new (static_cast<void*>(place_)) Target(std::forward<F>(f));
      calls_ = &kInside<Target>;
    } else {
      ::new (static_cast<void*>(place_)) Away{make_away<Target>(std::forward<F>(f))};
      calls_ = &kAway<Target>;
    }
  }
  function(function&& other) noexcept { take(other); }
  function& operator=(function&& other) noexcept {
    if (this == &other) return *this;
    reset();
    take(other);
    return *this;
  }
  ~function() { reset(); }

  // False when default-made or moved from.
  explicit operator bool() const { return calls_ != nullptr; }
  // Throws std::bad_function_call if there is nothing to call.
  R operator()(Args... args) const {
    if (calls_ == nullptr) throw std::bad_function_call();
    return calls_->call(place_, std::forward<Args>(args)...);
  }

 private:
  struct Calls {
    R (*call)(unsigned char* place, Args&&... args);
    void (*move)(unsigned char* from, unsigned char* to) noexcept;  // and destroys what was there
    void (*destroy)(unsigned char* place) noexcept;
  };
  struct Away {
    void* target;
    std::pmr::memory_resource* heap;
  };
  static constexpr size_t kPlace = 3 * sizeof(void*);
  template <class T>
  static constexpr bool kFits = sizeof(T) <= kPlace && alignof(T) <= alignof(void*) &&
                                std::is_nothrow_move_constructible_v<T>;
  static_assert(sizeof(Away) <= kPlace);

  template <class T>
  static T& as(unsigned char* place) {
    return *std::launder(reinterpret_cast<T*>(place));
  }
  template <class T>
  static T& away(unsigned char* place) {
    return *static_cast<T*>(as<Away>(place).target);
  }
  template <class T>
  static R invoke(T& target, Args&&... args) {
    if constexpr (std::is_void_v<R>)
      static_cast<void>(std::invoke(target, std::forward<Args>(args)...));
    else
      return std::invoke(target, std::forward<Args>(args)...);
  }
  template <class T, class F>
  static Away make_away(F&& f) {
    std::pmr::memory_resource& memory = heap();
    void* target = memory.allocate(sizeof(T), alignof(T));
    try {
      ::new (target) T(std::forward<F>(f));
    } catch (...) {
      memory.deallocate(target, sizeof(T), alignof(T));
      throw;
    }
    return {target, &memory};
  }

  template <class T>
  static constexpr Calls kInside{
      [](unsigned char* place, Args&&... args) -> R {
        return invoke(as<T>(place), std::forward<Args>(args)...);
      },
      [](unsigned char* from, unsigned char* to) noexcept {
        ::new (static_cast<void*>(to)) T(std::move(as<T>(from)));
        std::destroy_at(&as<T>(from));
      },
      [](unsigned char* place) noexcept { std::destroy_at(&as<T>(place)); },
  };
  template <class T>
  static constexpr Calls kAway{
      [](unsigned char* place, Args&&... args) -> R {
        return invoke(away<T>(place), std::forward<Args>(args)...);
      },
      [](unsigned char* from, unsigned char* to) noexcept {
        ::new (static_cast<void*>(to)) Away(as<Away>(from));
      },
      [](unsigned char* place) noexcept {
        std::destroy_at(&away<T>(place));
        as<Away>(place).heap->deallocate(as<Away>(place).target, sizeof(T), alignof(T));
      },
  };

  void take(function& other) noexcept {
    calls_ = std::exchange(other.calls_, nullptr);
    if (calls_ != nullptr) calls_->move(other.place_, place_);
  }
  void reset() noexcept {
    if (const Calls* calls = std::exchange(calls_, nullptr)) calls->destroy(place_);
  }

  const Calls* calls_ = nullptr;
  // What is called may change its own state, as that of a std::function.
  alignas(void*) mutable unsigned char place_[kPlace];
};

}  // namespace isola
