// What an actor does when an answer comes for which it does not wait: Asking::then().
//
// The answer comes as a message: whoever gives it pushes `Answered` into the actor's inbox, the
// storage of which was taken by then(). So an answer that is given after that comes in the order of
// what its sender sends, and an actor without a turn holds no stack for what it asked.
//
// Ownership: its actor's, which ends it with the incarnation that asked; what it has of the answer
// is the asker's end of an AskState (reply.h). An `Answered` that is on its way at a restart finds
// it without its function.
// Thread safety: whoever has the actor's turn, or ends it; but Resumable.
#pragma once

#include <isola/serialization/block.h>
#include <isola/serialization/error.h>
#include <isola/serialization/sync.h>

#include <cstddef>
#include <cstdint>
#include <memory>

namespace isola {
class Context;
}

namespace isola::detail {

class ActorCell;
class AnswerLimit;
class AskState;
class Worker;
struct CellExtras;

// What an answer resumes. Called by whoever gives it, as reply.h says.
class Resumable {
 public:
  // What is to be pushed, and the actor that it is for: a reference to it.
  struct Token {
    ActorCell& cell;
    Block& block;
    // Takes both.
    void push() const;
  };
  virtual Token take_token() = 0;
  // The block alone, where nobody else can touch the actor meanwhile.
  virtual Block& token() = 0;
  // No answer has come in time.
  virtual void set_timed_out() = 0;

 protected:
  ~Resumable() = default;
};

class Continuation : public Resumable {
 public:
  static void* operator new(size_t bytes);
  static void operator delete(void* memory, size_t bytes);

  Continuation();
  virtual ~Continuation();
  Continuation(const Continuation&) = delete;
  Continuation& operator=(const Continuation&) = delete;

  // Has it called with the answer to `asked`, or with why there is none, in a turn of the running
  // actor; takes both. `asked`: nullptr: nobody was asked, because of `error`. It is called at
  // `limit_ns` at the latest, or at the deadline of the call that runs.
  // Fails: throws std::logic_error where no actor with handlers runs, or with a limit where that is
  // made on no worker of its System, PoolExhausted and std::bad_alloc; the answer is not taken
  // then.
  static void start(std::unique_ptr<Continuation> continuation, AskState*& asked,
                    const Error& error, int64_t limit_ns);
  // Handles the message if it says that an answer has come.
  static bool handle(const Block& block);
  // Ends those of an actor whose incarnation ends. `open`: its inbox still is.
  static void drop_all(CellExtras& extras, bool open);

  Token take_token() override;
  Block& token() override { return *token_; }
  void set_timed_out() override { timed_out_ = true; }

 protected:
  // Calls the function. Takes `answer`.
  virtual void call(Block* answer, Error error) = 0;
  // Ends the function, and what it holds.
  virtual void forget() = 0;

 private:
  void link(Continuation*& list);
  void unlink();
  void run();
  // True if nobody will push its token, now or later.
  bool give_up();
  void end_limit();

  Continuation* next_ = nullptr;  // of its actor
  Continuation** in_ = nullptr;   // the word that points to it
  ActorCell* cell_ = nullptr;
  Block* token_ = nullptr;
  AskState* asked_ = nullptr;  // nullptr once it is left; one more use of it, if there is a limit
  std::unique_ptr<Context> context_;  // to be called in; nullptr: the actor's own
  AnswerLimit* limit_ = nullptr;      // touched on its worker's thread only
  Worker* limit_is_on_ = nullptr;     // nullptr: there is none
  bool timed_out_ = false;
  bool is_forgotten_ = false;
};

}  // namespace isola::detail
