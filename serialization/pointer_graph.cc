// A walk over the pointers of a message with a stack of its own: a message can't choose how deep
// the program's stack gets.
#include "pointer_graph.h"

#include <bit>
#include <cstring>
#include <optional>
#include <vector>

namespace isola::detail {
namespace {

static_assert(std::endian::native == std::endian::little, "words are read as they lie");

using capnp::ElementSize;
using Kind = PointerShape::Kind;

constexpr uint32_t kElementBits[] = {0, 1, 8, 16, 32, 64, 64, 0};

// One word as a pointer. Bits 0 and 1 say which kind it is.
struct Wire {
  enum Tag : uint32_t { structure = 0, list = 1, far = 2, other = 3 };

  uint64_t bits;

  bool is_null() const { return bits == 0; }
  Tag tag() const { return static_cast<Tag>(bits & 3); }
  int64_t offset() const { return static_cast<int32_t>(bits) >> 2; }  // from the next word
  // of a struct
  uint32_t data_words() const { return (bits >> 32) & 0xffff; }
  uint32_t pointer_count() const { return static_cast<uint32_t>(bits >> 48); }
  uint32_t struct_words() const { return data_words() + pointer_count(); }
  // of the tag word of a list of structs: how many
  uint32_t element_count() const { return static_cast<uint32_t>(bits) >> 2; }
  // of a list
  ElementSize element_size() const { return static_cast<ElementSize>((bits >> 32) & 7); }
  uint32_t list_size() const { return static_cast<uint32_t>(bits >> 35); }  // elements or words
  // of a far pointer
  bool is_double_far() const { return (bits & 4) != 0; }
  uint32_t pad() const { return static_cast<uint32_t>(bits) >> 3; }
  uint32_t segment() const { return static_cast<uint32_t>(bits >> 32); }
};

// A word of the message.
struct Place {
  uint32_t segment;
  uint64_t word;
};

// Elements of the same size whose pointers are being followed: of a struct, or of a list.
struct Frame {
  Place element;  // that is next
  uint64_t elements_left;
  uint32_t data_words;
  uint32_t pointer_count;
  uint32_t next_pointer;
  const StructShape* structure;  // what each element is, if that is known
  const PointerShape* item;      // what the first pointer of each element leads to, if it is known
};

const char* describe(Kind kind) {
  switch (kind) {
    case Kind::text:
      return "a text";
    case Kind::data:
      return "data";
    case Kind::structure:
    case Kind::any_struct:
      return "a struct";
    case Kind::list:
    case Kind::any_list:
      return "a list";
    case Kind::anything:
      break;
  }
  return "anything";
}

class Walk {
 public:
  Walk(std::span<const Segment> segments, uint64_t first_byte, const GraphLimits& limits)
      : segments_(segments), limits_(limits) {
    for (const Segment& segment : segments) {
      first_bytes_.push_back(first_byte);
      first_byte += segment.size_bytes();
    }
  }

  GraphFinding run(const StructShape& root) {
    if (segments_.empty() || segments_[0].empty()) {
      finding_.code = Code::bad_message;
      finding_.what = "there is no root pointer at byte " +
                      std::to_string(first_bytes_.empty() ? 0 : first_bytes_[0]);
      return std::move(finding_);
    }
    const PointerShape shape{Kind::structure, ElementSize::VOID, &root, nullptr};
    bool ok = charge({0, 0}, 1) && follow({0, 0}, shape);
    while (ok && !frames_.empty()) ok = step();
    return std::move(finding_);
  }

 private:
  // Follows the next pointer of the innermost frame.
  bool step() {
    Frame& frame = frames_.back();
    if (frame.elements_left == 0) {
      frames_.pop_back();
      return true;
    }
    const Place at{frame.element.segment,
                   frame.element.word + frame.data_words + frame.next_pointer};
    const PointerShape& shape = expected(frame);
    if (++frame.next_pointer == frame.pointer_count) {
      frame.next_pointer = 0;
      frame.element.word += frame.data_words + frame.pointer_count;
      --frame.elements_left;
    }
    return follow(at, shape);  // may add a frame, so `frame` is not used any more
  }

  // What the schema says about the next pointer of the frame.
  const PointerShape& expected(const Frame& frame) {
    static constexpr PointerShape kAnything;
    field_ = nullptr;
    structure_ = frame.structure;
    if (frame.item != nullptr && frame.next_pointer == 0) return *frame.item;
    if (frame.structure == nullptr) return kAnything;
    for (const PointerSlot& slot : frame.structure->at(frame.next_pointer)) {
      if (is_active(slot, frame)) {
        field_ = &slot;
        return slot.pointer;
      }
    }
    return kAnything;
  }

  bool is_active(const PointerSlot& slot, const Frame& frame) const {
    for (const UnionCondition& condition : slot.conditions) {
      uint16_t value = 0;
      if (condition.offset / 4 < frame.data_words) {
        const uint64_t data =
            read({frame.element.segment, frame.element.word + condition.offset / 4});
        value = static_cast<uint16_t>(data >> (condition.offset % 4 * 16));
      }
      if (value != condition.value) return false;
    }
    return true;
  }

  // Checks one pointer and what it leads to; its pointers are followed later.
  bool follow(Place at, const PointerShape& shape) {
    Wire wire{read(at)};
    if (wire.is_null()) return true;
    if (frames_.size() >= limits_.depth_max)
      return exceed(at, "is deeper than depth_max = " + std::to_string(limits_.depth_max));
    std::optional<Place> target;
    if (wire.tag() == Wire::far) {
      target = follow_far(at, wire);
      if (!target) return false;
    } else {
      target = Place{at.segment, at.word + 1 + static_cast<uint64_t>(wire.offset())};
    }
    switch (wire.tag()) {
      case Wire::structure:
        return enter_struct(at, *target, wire, shape);
      case Wire::list:
        return enter_list(at, *target, wire, shape);
      case Wire::far:
        return fail(at, "leads over a far pointer to another far pointer");
      case Wire::other:
        break;
    }
    return fail(at, wire.bits << 32 == uint64_t{Wire::other} << 32
                        ? "is a capability, which means nothing here"
                        : "is of no known kind");
  }

  // Finds what a far pointer stands for: replaces `wire` by it, returns where it leads to.
  std::optional<Place> follow_far(Place at, Wire& wire) {
    finding_.has_far_pointers = true;
    const Place pad{wire.segment(), wire.pad()};
    const bool is_double = wire.is_double_far();
    if (!inside(at, pad, is_double ? 2 : 1) || !charge(at, is_double ? 2 : 1)) return std::nullopt;
    wire = Wire{read(pad)};
    if (!is_double) return Place{pad.segment, pad.word + 1 + static_cast<uint64_t>(wire.offset())};
    if (wire.tag() != Wire::far || wire.is_double_far()) {
      fail(at, "has a landing pad of two words that is no far pointer");
      return std::nullopt;
    }
    const Place target{wire.segment(), wire.pad()};
    wire = Wire{read({pad.segment, pad.word + 1})};
    if (target.segment < segments_.size()) return target;
    fail(at, no_segment(target.segment));
    return std::nullopt;
  }

  bool enter_struct(Place at, Place target, Wire wire, const PointerShape& shape) {
    if (shape.kind != Kind::anything && shape.kind != Kind::any_struct &&
        shape.kind != Kind::structure)
      return mismatch(at, shape, "a struct");
    if (!inside(at, target, wire.struct_words()) || !charge(at, wire.struct_words())) return false;
    push({target, 1, wire.data_words(), wire.pointer_count(), 0, shape.structure, nullptr});
    return true;
  }

  bool enter_list(Place at, Place target, Wire wire, const PointerShape& shape) {
    const ElementSize size = wire.element_size();
    if (size == ElementSize::INLINE_COMPOSITE) return enter_struct_list(at, target, wire, shape);
    const uint64_t count = wire.list_size();
    const uint64_t words = (count * kElementBits[static_cast<int>(size)] + 63) / 64;
    // Elements that are read as structs, or that take no room at all, are work all the same.
    const bool counts = size == ElementSize::VOID || shape.structure != nullptr;
    if (!inside(at, target, words) || !charge(at, counts ? std::max(words, count) : words))
      return false;
    if (!fits(at, target, size, count, shape)) return false;
    if (size == ElementSize::POINTER && count > 0)
      push({target, count, 0, 1, 0, shape.structure, shape.item});
    return true;
  }

  // True if a list of these elements, none of them structs, can be read as `shape` says.
  bool fits(Place at, Place target, ElementSize size, uint64_t count, const PointerShape& shape) {
    switch (shape.kind) {
      case Kind::anything:
      case Kind::any_list:
        return true;
      case Kind::text:
        if (size != ElementSize::BYTE) return mismatch(at, shape, "a list of something else");
        if (count == 0) return fail(at, "leads to a text without its final zero");
        if (read({target.segment, target.word + (count - 1) / 8}) >> ((count - 1) % 8 * 8) & 0xff)
          return fail(at, "leads to a text without its final zero");
        return true;
      case Kind::data:
        return size == ElementSize::BYTE || mismatch(at, shape, "a list of something else");
      case Kind::list:
        break;
      case Kind::structure:
      case Kind::any_struct:
        return mismatch(at, shape, "a list");
    }
    // Larger elements than expected may be there; they begin with what is expected.
    if (size == ElementSize::BIT && shape.element != ElementSize::BIT)
      return mismatch(at, shape, "a list of Bool");
    const bool has_pointers = size == ElementSize::POINTER;
    const uint32_t bits = has_pointers ? 0 : kElementBits[static_cast<int>(size)];
    if (shape.element == ElementSize::POINTER)
      return has_pointers || mismatch(at, shape, "a list without pointers");
    return kElementBits[static_cast<int>(shape.element)] <= bits ||
           mismatch(at, shape, "a list of smaller elements");
  }

  bool enter_struct_list(Place at, Place target, Wire wire, const PointerShape& shape) {
    const uint64_t words = wire.list_size();
    if (!inside(at, target, words + 1)) return false;
    const Wire tag{read(target)};
    if (tag.tag() != Wire::structure) return fail(at, "leads to a list whose tag is no struct");
    const uint64_t count = tag.element_count();
    if (count * tag.struct_words() > words)
      return fail(at, "leads to a list of " + std::to_string(count) + " structs of " +
                          std::to_string(tag.struct_words()) + " words in " +
                          std::to_string(words) + " words");
    if (!charge(at, std::max(words + 1, count))) return false;
    switch (shape.kind) {
      case Kind::anything:
      case Kind::any_list:
        break;
      case Kind::list:
        // Elements that were no structs once are the first field of these.
        if (shape.element == ElementSize::BIT) return mismatch(at, shape, "a list of structs");
        if (shape.element == ElementSize::POINTER && tag.pointer_count() == 0)
          return mismatch(at, shape, "a list of structs without pointers");
        if (shape.element != ElementSize::POINTER && shape.element != ElementSize::VOID &&
            shape.element != ElementSize::INLINE_COMPOSITE && tag.data_words() == 0)
          return mismatch(at, shape, "a list of structs without data");
        break;
      default:
        return mismatch(at, shape, "a list of structs");
    }
    push({{target.segment, target.word + 1},
          count,
          tag.data_words(),
          tag.pointer_count(),
          0,
          shape.structure,
          shape.item});
    return true;
  }

  void push(const Frame& frame) {
    if (frame.elements_left > 0 && frame.pointer_count > 0) frames_.push_back(frame);
  }

  uint64_t read(Place place) const {
    uint64_t word;
    std::memcpy(&word, &segments_[place.segment][place.word], sizeof word);
    return word;
  }

  // A place before the beginning of its segment has a word number near 2^64.
  bool inside(Place at, Place target, uint64_t words) {
    if (target.segment >= segments_.size()) return fail(at, no_segment(target.segment));
    const uint64_t size = segments_[target.segment].size();
    if (target.word <= size && words <= size - target.word) return true;
    return fail(at, "leads to " + std::to_string(words) + " words from word " +
                        std::to_string(static_cast<int64_t>(target.word)) + " of segment " +
                        std::to_string(target.segment) + ", which has " + std::to_string(size));
  }

  bool charge(Place at, uint64_t words) {
    traversed_ += words;
    if (traversed_ <= limits_.traversal_words_max) return true;
    return exceed(
        at, "brings the words to be walked over to " + std::to_string(traversed_) +
                ", more than traversal_words_max = " + std::to_string(limits_.traversal_words_max));
  }

  std::string no_segment(uint32_t segment) const {
    return "leads to segment " + std::to_string(segment) + " of " +
           std::to_string(segments_.size());
  }

  bool mismatch(Place at, const PointerShape& shape, const char* found) {
    return fail(at, std::string("should lead to ") + describe(shape.kind) +
                        (shape.kind == Kind::list ? " of other elements" : "") + ", but leads to " +
                        found);
  }
  bool exceed(Place at, const std::string& what) { return tell(Code::message_too_large, at, what); }
  bool fail(Place at, const std::string& what) { return tell(Code::bad_message, at, what); }
  bool tell(Code code, Place at, const std::string& what) {
    finding_.code = code;
    finding_.what = "the pointer at byte " + std::to_string(first_bytes_[at.segment] + at.word * 8);
    if (field_ != nullptr) finding_.what += " (" + structure_->name + "." + field_->name + ")";
    finding_.what += " " + what;
    return false;
  }

  const std::span<const Segment> segments_;
  const GraphLimits limits_;
  std::vector<uint64_t> first_bytes_;
  std::vector<Frame> frames_;
  uint64_t traversed_ = 0;
  const StructShape* structure_ = nullptr;  // that the pointer in hand is a field of
  const PointerSlot* field_ = nullptr;
  GraphFinding finding_;
};

}  // namespace

GraphFinding check_graph(std::span<const Segment> segments, uint64_t first_byte,
                         const StructShape& root, const GraphLimits& limits) {
  return Walk(segments, first_byte, limits).run(root);
}

}  // namespace isola::detail
