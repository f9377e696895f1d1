// Giving a thing to the running isolate: it is released on every way out of it.
//
//   isola::File log = isola::own_file(::open("log", O_WRONLY));    // closed at the latest ...
//   auto table = isola::own(sqlite3_open_table(), &close_table);   // ... with the isolate
//   isola::Owned<isola::Blob> film = isola::own(std::move(blob));
//
// The thing itself lies in the isolate's resource list, in the runtime's memory, and not on the
// heap that is dropped. Dropping the handle releases it at once. If the handle is never dropped,
// because it lies in memory of the heap whose owner was never deleted, the list releases the thing:
// at return, failure, kill, Isolate::reset() (of an isolate without a behaviour), or the System's
// end; after the behaviour and the namespace were destroyed and before the heap goes, the youngest
// first.
//
// What has an owner needs none of this: a Delivery, Message, Blob, Address or unique_ptr that is a
// member of the behaviour, a value of the namespace, a local variable, or an element of a container
// among those is destroyed on every way out. Channel ends are in the resource list anyway.
//
// Outside of isolates only the handle releases it. Thread safety: one handle, one thread at a time.
#pragma once

#include <isola/channels/resource.h>
#include <isola/context/execution.h>
#include <isola/serialization/check.h>
#include <isola/serialization/error.h>

#include <concepts>
#include <type_traits>
#include <utility>

namespace isola {

namespace detail {

template <class T>
class OwnedThing : public Resource {
 public:
  explicit OwnedThing(T&& given) : Resource(Kind::of_user), value(std::move(given)) {}
  void release_resource() override {}  // its destructor does
  T value;
};

template <class T, class Release>
class ReleasedThing final : public OwnedThing<T> {
 public:
  ReleasedThing(T&& given, Release&& release)
      : OwnedThing<T>(std::move(given)), release_(std::move(release)) {}
  void release_resource() noexcept override { release_(this->value); }

 private:
  Release release_;
};

// Gives it to the running isolate, if there is one.
void give_to_isolate(Resource& resource);

}  // namespace detail

// A handle to a thing of the isolate, or to nothing. It must not outlive the isolate.
template <class T>
class Owned {
 public:
  Owned() = default;
  // Of a thing that is in the isolate's list, or in none. Used by own().
  explicit Owned(detail::OwnedThing<T>* thing) : thing_(thing) {}
  Owned(Owned&& other) noexcept : thing_(std::exchange(other.thing_, nullptr)) {}
  Owned& operator=(Owned&& other) noexcept {
    std::swap(thing_, other.thing_);
    return *this;
  }
  ~Owned() { release(); }

  // False when default-made, moved from, released or taken.
  explicit operator bool() const { return thing_ != nullptr; }
  // REQUIRES: not empty, for these three.
  T& operator*() const { return thing_->value; }
  T* operator->() const { return &thing_->value; }
  // Takes the thing out of the isolate's list: it is the caller's again. What own() was given to
  // release it with is not called.
  T take() {
    ISOLA_REQUIRE(thing_ != nullptr, ==, true);
    T value(std::move(thing_->value));
    detail::OwnedThing<T>* thing = std::exchange(thing_, nullptr);
    detail::ResourceList::remove(*thing);
    delete thing;
    return value;
  }
  // Releases it now. Idempotent.
  void release() {
    if (thing_ == nullptr) return;
    detail::OwnedThing<T>* thing = std::exchange(thing_, nullptr);
    detail::ResourceList::remove(*thing);
    thing->release_resource();
    delete thing;
  }

 private:
  detail::OwnedThing<T>* thing_ = nullptr;
};

// Gives `value` to the running isolate; its destructor releases it. Fails: throws std::bad_alloc;
// then the value is still the caller's.
template <class T>
  requires(!std::is_lvalue_reference_v<T>)
[[nodiscard]] Owned<T> own(T&& value) {
  static_assert(std::is_nothrow_move_constructible_v<T>,
                "isola: what is owned must be movable without exceptions: own a unique_ptr to it");
  auto* thing = new detail::OwnedThing<T>(std::move(value));
  detail::give_to_isolate(*thing);
  return Owned<T>(thing);
}

// The same for a thing that release(value) gives back, which must not throw: a handle of a C
// library, say. On std::bad_alloc it is released before that is thrown.
template <class T, class Release>
  requires(std::invocable<Release&, std::decay_t<T>&>)
[[nodiscard]] Owned<std::decay_t<T>> own(T value, Release release) {
  static_assert(std::is_nothrow_move_constructible_v<T>,
                "isola: what is owned must be movable without exceptions: own a unique_ptr to it");
  detail::OwnedThing<T>* thing;
  try {
    thing = new detail::ReleasedThing<T, Release>(std::move(value), std::move(release));
  } catch (...) {
    release(value);
    throw;
  }
  detail::give_to_isolate(*thing);
  return Owned<T>(thing);
}

// A file descriptor of the isolate.
class File {
 public:
  File() = default;
  explicit File(Owned<int> descriptor) : descriptor_(std::move(descriptor)) {}

  // False when default-made, moved from, closed or taken.
  explicit operator bool() const { return bool(descriptor_); }
  // The descriptor, which stays the isolate's; -1: none.
  int fd() const { return descriptor_ ? *descriptor_ : -1; }
  // Gives it to the caller, who closes it; -1: none.
  int take() { return descriptor_ ? descriptor_.take() : -1; }
  // Closes it now, and says how that went. Errors: io (what was written may be lost), also if there
  // is none. Blocks: the thread, as ::close does.
  Error close();

 private:
  Owned<int> descriptor_;
};

// Gives an open descriptor to the running isolate, which closes it at the latest with its end.
// For a negative one, as open() returns on an error, the File is empty.
// Fails: throws std::bad_alloc; the descriptor is closed then.
[[nodiscard]] File own_file(int descriptor);

}  // namespace isola
