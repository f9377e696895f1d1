// The stream framing, and how a body gets into its block.
#include "foreign.h"

#include <capnp/serialize-packed.h>
#include <capnp/serialize.h>
#include <isola/serialization/pointer_graph.h>

#include <algorithm>

#include <climits>
#include <cstring>
#include <string>
#include <system_error>

namespace isola {
namespace {

using capnp::word;
using detail::BlockOwner;
using detail::RegisteredMessage;
using detail::Segment;
using detail::WordSource;

// Where the size isn't known to be there, a body gets no more room than this at first, and then
// four times what has come: who announces much has to send it before it takes memory.
constexpr uint64_t kFirstWords = 8 * 1024;
constexpr uint64_t kGrowth = 4;

// The table of segments is read at once, so its size is bounded whatever the limits are.
constexpr uint32_t kSegmentsCeiling = 1 << 16;

Error make_error(Pool& pool, Code code, const RegisteredMessage& type, const std::string& what) {
  return detail::make_error(pool, code, name(code), type.name + ": " + what, {"", 0, type.type});
}

// Reads one message. Made for one call.
class Read {
 public:
  Read(Pool& pool, const RegisteredMessage& type, WordSource& source, const ForeignLimits& limits)
      : pool_(pool), type_(type), source_(source), limits_(limits), begin_(source.offset()) {}

  Error run(bool& framing_is_intact, Block*& block) {
    framing_is_intact = false;
    Error error = read_table();
    if (!error) error = read_segments();
    if (error) return error;
    framing_is_intact = true;
    error = check();
    if (!error) block = body_.take();
    return error;
  }

 private:
  // The table of segments: how many less one, the words of each, and nothing up to a whole word.
  Error read_table() {
    alignas(word) uint32_t head[2];
    if (!read_words(head, 1)) return ended("in the first word of its header");
    const uint64_t count = uint64_t{head[0]} + 1;
    const uint32_t segments_max = std::min(limits_.segments_max, kSegmentsCeiling);
    if (count > segments_max) {
      return too_large("it announces " + std::to_string(count) +
                       " segments; segments_max = " + std::to_string(segments_max));
    }
    table_.push_back(head[1]);
    const uint64_t rest_words = count / 2;
    header_words_ = 1 + rest_words;
    if (!source_.may_follow(rest_words)) return ended("in its table of segments");
    std::vector<uint32_t> rest(rest_words * 2);
    if (!read_words(rest.data(), rest_words)) return ended("in its table of segments");
    table_.insert(table_.end(), rest.begin(), rest.begin() + static_cast<ptrdiff_t>(count - 1));
    for (const uint32_t words : table_) words_ += words;
    if (words_ > limits_.bytes_max / sizeof(word)) {
      return too_large("it announces " + std::to_string(words_ * sizeof(word)) +
                       " bytes; bytes_max = " + std::to_string(limits_.bytes_max));
    }
    return Error();
  }

  // All segments, one after another, into the words of one block.
  Error read_segments() {
    if (!source_.may_follow(words_)) return ended("in its segments, of " + announced());
    const uint64_t first = source_.is_exact() ? words_ : std::min(words_, kFirstWords);
    body_ = empty_block(first);
    for (uint64_t filled = 0; filled < words_;) {
      if (filled == body_.block()->capacity_words) grow(filled);
      Block& block = *body_.block();
      const uint64_t wanted = std::min<uint64_t>(words_, block.capacity_words) - filled;
      const size_t got = source_.read(block.words + filled, wanted);
      filled += got;
      // A piece of a word may lie behind those that are whole.
      block.dirty_words = static_cast<uint32_t>(got < wanted ? filled + 1 : filled);
      if (got < wanted) return ended("in its segments, of " + announced());
    }
    return Error();
  }

  Error check() {
    const word* next = body_.block()->words;
    std::vector<Segment> segments;
    for (const uint32_t words : table_) {
      segments.emplace_back(next, words);
      next += words;
    }
    const detail::GraphFinding finding =
        detail::check_graph(segments, header_words_ * sizeof(word), type_.shapes.root(),
                            {limits_.depth_max, limits_.traversal_words_max});
    if (finding) return make_error(pool_, finding.code, type_, where() + finding.what);
    if (segments.size() > 1 || finding.has_far_pointers) {
      if (Error error = flatten(segments)) return error;
    }
    type_.adopt(*body_.block(), body_.block()->dirty_words);
    body_.block()->set_state(BlockState::delivered);
    return Error();
  }

  // Copies what is reached from the root into one segment without far pointers.
  Error flatten(const std::vector<Segment>& segments) {
    std::vector<kj::ArrayPtr<const word>> from;
    for (const Segment& segment : segments) from.emplace_back(segment.data(), segment.size());
    // The limits were checked; lists of structs count twice as deep here.
    const int depth = static_cast<int>(std::min<uint64_t>(limits_.depth_max * 2ull + 2, INT_MAX));
    capnp::SegmentArrayMessageReader reader(
        kj::arrayPtr(from.data(), from.size()),
        {.traversalLimitInWords = UINT64_MAX, .nestingLimit = depth});
    const auto root = reader.getRoot<capnp::AnyPointer>();
    const uint64_t words = root.targetSize().wordCount + 1;
    if (words > words_) {
      return too_large("its pointers share what they lead to, and a copy without that would have " +
                       std::to_string(words * sizeof(word)) + " bytes instead of " +
                       std::to_string(words_ * sizeof(word)));
    }
    BlockOwner flat = empty_block(words);
    Block& block = *flat.block();
    // Whatever happens, all of it is cleared before the block is used again.
    block.dirty_words = static_cast<uint32_t>(words);
    capnp::FlatMessageBuilder builder(kj::arrayPtr(block.words, words));
    builder.getRoot<capnp::AnyPointer>().set(root);
    block.dirty_words = static_cast<uint32_t>(builder.getSegmentsForOutput()[0].size());
    pool_.count_copied(uint64_t{block.dirty_words} * sizeof(word));
    body_ = std::move(flat);
    return Error();
  }

  void grow(uint64_t filled) {
    BlockOwner larger = empty_block(std::min(words_, filled * kGrowth));
    std::memcpy(static_cast<void*>(larger.block()->words), body_.block()->words,
                filled * sizeof(word));
    larger.block()->dirty_words = static_cast<uint32_t>(filled);
    pool_.count_copied(filled * sizeof(word));
    body_ = std::move(larger);
  }

  BlockOwner empty_block(uint64_t words) {
    BlockOwner owner(pool_.take(words));
    owner.block()->clear_arena();
    return owner;
  }

  bool read_words(uint32_t* to, size_t words) {
    return source_.read(reinterpret_cast<word*>(to), words) == words;
  }

  std::string announced() const { return std::to_string(words_ * sizeof(word)) + " bytes"; }
  std::string where() const {
    return begin_ == 0 ? "" : "in the message at byte " + std::to_string(begin_) + ": ";
  }
  Error too_large(const std::string& what) {
    return make_error(pool_, Code::message_too_large, type_,
                      "the message at byte " + std::to_string(begin_) + " is too large: " + what);
  }
  Error ended(const std::string& what) {
    const std::string place = "the message at byte " + std::to_string(begin_) + " ";
    if (const int error = source_.error()) {
      return make_error(pool_, Code::io, type_,
                        place + "can't be read at byte " + std::to_string(source_.offset()) + ": " +
                            std::generic_category().message(error));
    }
    return make_error(pool_, Code::bad_message, type_,
                      place + "ends at byte " + std::to_string(source_.end_offset()) + ", " + what);
  }

  Pool& pool_;
  const RegisteredMessage& type_;
  WordSource& source_;
  const ForeignLimits& limits_;
  const uint64_t begin_;         // of the message in the stream
  std::vector<uint32_t> table_;  // words of each segment
  uint64_t words_ = 0;           // of all segments
  uint64_t header_words_ = 0;
  BlockOwner body_;
};

// Cap'n Proto's writers write into this, to a descriptor. After an error it takes no more.
class DescriptorOutput final : public kj::OutputStream {
 public:
  explicit DescriptorOutput(int fd) : fd_(fd) {}
  void write(const void* buffer, size_t size) override {
    if (error_ == 0) error_ = detail::write_all(fd_, buffer, size);
  }
  int error() const { return error_; }

 private:
  const int fd_;
  int error_ = 0;
};

class VectorOutput final : public kj::OutputStream {
 public:
  void write(const void* buffer, size_t size) override {
    const auto* from = static_cast<const std::byte*>(buffer);
    bytes_.insert(bytes_.end(), from, from + size);
  }
  std::vector<std::byte> take() { return std::move(bytes_); }

 private:
  std::vector<std::byte> bytes_;
};

void write_to(kj::OutputStream& output, Block& message, Framing framing) {
  Block& block = message.origin != nullptr ? *message.origin : message;
  // One that came from outside has no arena: its body is all there is.
  const kj::ArrayPtr<const word> body(block.words, block.dirty_words);
  const auto segments = block.arena_alive ? block.segments() : kj::arrayPtr(&body, 1);
  if (framing == Framing::packed) {
    capnp::writePackedMessage(output, segments);
  } else {
    kj::BufferedOutputStreamWrapper buffered(output);
    capnp::writeMessage(buffered, segments);
  }
}

}  // namespace

Error detail::read_body(Pool& pool, const RegisteredMessage& type, WordSource& source,
                        const ForeignLimits& limits, bool& framing_is_intact, Block*& block) {
  try {
    return Read(pool, type, source, limits).run(framing_is_intact, block);
  } catch (const PoolExhausted& error) {
    return ::isola::make_error(pool, Code::pool_exhausted, type, error.what());
  } catch (const std::bad_alloc&) {
    return ::isola::make_error(pool, Code::pool_exhausted, type, "there is no memory left");
  } catch (const kj::Exception& error) {
    // Not expected after the check; but what Cap'n Proto refuses is no message either.
    return ::isola::make_error(pool, Code::bad_message, type, error.getDescription().cStr());
  }
}

Error detail::read_whole(Pool& pool, const RegisteredMessage& type,
                         std::span<const std::byte> bytes, const ForeignLimits& limits,
                         Framing framing, Block*& block) {
  WordSource source(ByteSource(bytes), framing);
  bool framing_is_intact = false;
  Block* read = nullptr;
  Error error = read_body(pool, type, source, limits, framing_is_intact, read);
  if (error) return error;
  BlockOwner owner(read);
  if (!source.at_end()) {
    return ::isola::make_error(pool, Code::bad_message, type,
                               "the message ends at byte " + std::to_string(source.offset()) +
                                   " of " + std::to_string(bytes.size()) +
                                   "; what follows is no part of it");
  }
  block = owner.take();
  return error;
}

Result<AnyDelivery> read_message(Pool& pool, const MessageType& type,
                                 std::span<const std::byte> bytes, const ForeignLimits& limits,
                                 Framing framing) {
  const RegisteredMessage* registered = detail::registered_message(type);
  if (registered == nullptr) {
    return {{},
            detail::make_error(pool, Code::unknown_type, name(Code::unknown_type),
                               type.full_name() + " is not registered", {"", 0, &type})};
  }
  Block* block = nullptr;
  Error error = detail::read_whole(pool, *registered, bytes, limits, framing, block);
  return {AnyDelivery(block), std::move(error)};
}

bool MessageStream::next_body(const RegisteredMessage& type, Block*& block) {
  if (!is_intact_) return true;
  error_ = Error();
  if (source_.at_end() && source_.error() == 0) return false;
  error_ = detail::read_body(pool_, type, source_, limits_, is_intact_, block);
  return true;
}

Result<std::vector<std::byte>> write_message(const BlockOwner& message, Framing framing) {
  if (!message) return {{}, Error(Code::empty_message)};
  VectorOutput output;
  write_to(output, *message.block(), framing);
  return {output.take(), {}};
}

Result<void> write_message(const BlockOwner& message, int fd, Framing framing) {
  if (!message) return {Error(Code::empty_message)};
  Block& block = *message.block();
  DescriptorOutput output(fd);
  write_to(output, block, framing);
  if (output.error() == 0) return {};
  return {detail::make_error(
      *block.pool, Code::io, name(Code::io),
      block.type->name() + ": can't be written: " + std::generic_category().message(output.error()),
      {"", 0, block.type})};
}

}  // namespace isola
