// A counted reference to a slot that is a handle of its isolate, too: see Isolate.
//
// Both are counted in one word, so that who lists isolates that are at home elsewhere writes to one
// cache line of each.
#pragma once

#include <isola/actors/cell.h>

#include <cstdint>
#include <utility>

namespace isola::detail {

// Keeps the Runtime alive, as every reference to a slot does.
class HandleRef {
 public:
  static constexpr uint64_t kCount = ActorCell::kHandle + 1;  // in `references`

  HandleRef() = default;
  explicit HandleRef(ActorCell& cell) : cell_(&cell) { cell.retain(kCount); }
  // Takes one over.
  static HandleRef adopt(ActorCell& cell) {
    HandleRef ref;
    ref.cell_ = &cell;
    return ref;
  }
  HandleRef(const HandleRef& other) : cell_(other.cell_) {
    if (cell_ != nullptr) cell_->retain(kCount);
  }
  HandleRef(HandleRef&& other) noexcept : cell_(std::exchange(other.cell_, nullptr)) {}
  HandleRef& operator=(HandleRef other) noexcept {
    std::swap(cell_, other.cell_);
    return *this;
  }
  ~HandleRef() {
    if (cell_ != nullptr) cell_->drop_handle();
  }
  ActorCell* get() const { return cell_; }

 private:
  ActorCell* cell_ = nullptr;
};

}  // namespace isola::detail
