// Attachments: things with an identity, such as channel ends, addresses and blobs, that travel in a
// table beside the body of a message and are named in it by a handle.
//
//   auto job = tx.compose();
//   job->setPicture(job.attach(Blob::copy_of(bytes)));     // a UInt32 field; 0: nothing attached
//   ...
//   auto [picture, err] = got.attached<Blob>(got->getPicture());   // a clone; `got` stays as it is
//
// Ownership: the table belongs to the block; what is attached ends when the block is released,
// wherever it has been forwarded. An alias has the table of its origin. A message that is written
// out as bytes loses its attachments, and one that is read from bytes has none.
// Thread safety: a table is filled by the message's one owner. Aliases on several threads may ask
// it for clones at once, so AttachmentTraits<X>::get must allow that.
// Invariants: 1. A handle is a place in the table, counted from 1, and never changes.
#pragma once

#include <isola/serialization/message.h>
#include <isola/serialization/program_memory.h>
#include <isola/serialization/result.h>

#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

namespace isola {

// What can be attached: specialize it for X with
//   static std::unique_ptr<detail::Attachment> make(X&& value);
//   static Result<X> get(detail::Attachment& attachment);   // of kind detail::attachment_kind<X>
//   static Result<X> missing(Code code);   // optional: the value that goes with the error
template <class X>
struct AttachmentTraits;

namespace detail {

// Its address names the C++ type that was attached.
template <class X>
inline constexpr char attachment_kind = 0;

class Attachment : public InProgramMemory {
 public:
  virtual ~Attachment() = default;
  // &attachment_kind<X>.
  virtual const void* kind() const = 0;
  // What it holds, for bounds in bytes; 0 if that is not worth counting.
  virtual uint64_t bytes() const { return 0; }
};

// The table beside a block.
class Attachments : public InProgramMemory {
 public:
  uint32_t add(std::unique_ptr<Attachment> attachment) {
    list_.push_back(std::move(attachment));
    return static_cast<uint32_t>(list_.size());
  }
  // nullptr if there is none with this handle.
  Attachment* find(uint32_t handle) const {
    return handle == 0 || handle > list_.size() ? nullptr : list_[handle - 1].get();
  }
  size_t size() const { return list_.size(); }
  auto begin() const { return list_.begin(); }
  auto end() const { return list_.end(); }
  uint64_t bytes() const {
    uint64_t sum = 0;
    for (const auto& attachment : list_) sum += attachment->bytes();
    return sum;
  }

 private:
  std::vector<std::unique_ptr<Attachment>> list_;
};

// The traits of a value whose copies share what they stand for and may be made on any thread. Use:
//   template <> struct AttachmentTraits<Blob> : detail::CopiedAttachment<Blob> {};
template <class X>
struct CopiedAttachment {
  class Copied final : public Attachment {
   public:
    explicit Copied(X&& value) : value(std::move(value)) {}
    const void* kind() const override { return &attachment_kind<X>; }
    uint64_t bytes() const override {
      if constexpr (requires { value.size(); })
        return value.size();
      else
        return 0;
    }
    const X value;
  };
  static std::unique_ptr<Attachment> make(X&& value) {
    return std::make_unique<Copied>(std::move(value));
  }
  static Result<X> get(Attachment& attachment) {
    return {static_cast<Copied&>(attachment).value, Error()};
  }
};

// Adds to the block's table. REQUIRES: not shared, no alias.
uint32_t attach(Block& block, std::unique_ptr<Attachment> attachment);
// Of the block or its origin; nullptr if there is none.
Attachment* find_attachment(const Block& block, uint32_t handle);

template <class X>
Result<X> attachment_missing(Code code) {
  if constexpr (requires { AttachmentTraits<X>::missing(code); })
    return AttachmentTraits<X>::missing(code);
  else
    return {X(), Error(code)};
}

template <class X>
Result<X> attached(const Block& block, uint32_t handle) {
  Attachment* attachment = find_attachment(block, handle);
  if (attachment == nullptr) return attachment_missing<X>(Code::no_attachment);
  if (attachment->kind() != &attachment_kind<X>)
    return attachment_missing<X>(Code::wrong_attachment);
  return AttachmentTraits<X>::get(*attachment);
}

}  // namespace detail

template <MessageStruct T>
template <class X>
uint32_t Message<T>::attach(X&& value) {
  static_assert(!std::is_lvalue_reference_v<X>, "what is attached is given away: std::move it");
  return detail::attach(*block_, AttachmentTraits<X>::make(std::move(value)));
}

template <MessageStruct T>
template <class X>
Result<X> Delivery<T>::attached(uint32_t handle) const {
  return detail::attached<X>(*block_, handle);
}

}  // namespace isola
