// Encoded<T>: bytes from outside that say they are a message of type T, and were not looked at yet.
//
//   isolate.run(&store, isola::Encoded<Note>(bytes));   // void store(isola::Delivery<Note>)
//   isolate.run(&look, isola::Encoded<Note>(bytes));    // void look(isola::Encoded<Note>)
//
// It is read in the isolate that it is handed to, before `store` begins, or where `look` calls
// read(): what is wrong with the bytes is a failure of that isolate, not of whoever passed them on.
// They are read with the limits and the distrust of read_message (serialization/foreign.h).
// Thread safety: as of any value; copies share the bytes, which nobody changes.
#pragma once

#include <isola/actors/isolate.h>
#include <isola/serialization/blob.h>
#include <isola/serialization/foreign.h>

#include <utility>

namespace isola {

template <MessageStruct T>
class Encoded {
 public:
  Encoded() = default;
  explicit Encoded(Blob bytes, ForeignLimits limits = {}, Framing framing = Framing::flat)
      : bytes_(std::move(bytes)), limits_(limits), framing_(framing) {}

  const Blob& bytes() const { return bytes_; }
  // Errors: bad_message, message_too_large, pool_exhausted; their record names the isolate.
  // REQUIRES: called in an isolate.
  Result<T> read() const {
    Result<T> result =
        read_message<T>(detail::current_runtime().pool(), bytes_.bytes(), limits_, framing_);
    if (result.err) result.err = detail::as_failure_here(result.err, message_type<T>);
    return result;
  }
  // The message itself, where a function takes that. Throws RemoteError.
  operator Delivery<T>() const { return read().or_raise(); }

 private:
  Blob bytes_;
  ForeignLimits limits_;
  Framing framing_ = Framing::flat;
};

template <MessageStruct T>
struct SendableTrait<Encoded<T>> : std::true_type {};

}  // namespace isola
