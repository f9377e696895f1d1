// The handler of crashes. It first prints what it can without any lock, as the crash may be in the
// middle of malloc; then the names, with a time limit.
#include "crash.h"

#include <isola/actors/worker.h>
#include <isola/serialization/frames.h>
#include <isola/serialization/message_type.h>
#include <isola/serialization/sanitizers.h>

#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>
#include <csignal>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <string_view>

namespace isola {

namespace {

constexpr size_t kSignalStackBytes = 256 * 1024;  // reading line tables needs some
constexpr unsigned kNamesLimitSeconds = 5;
constexpr uintptr_t kNullPage = 4096;
// An access at most so far below the stack pointer is one to the stack.
constexpr uintptr_t kStackReach = 64 * 1024;

constexpr std::array kSignals{SIGSEGV, SIGBUS, SIGILL, SIGFPE};
std::array<struct sigaction, kSignals.size()> before;
volatile sig_atomic_t crash_signal = 0;

std::string_view signal_name(int signal) {
  switch (signal) {
    case SIGSEGV:
      return "SIGSEGV";
    case SIGBUS:
      return "SIGBUS";
    case SIGILL:
      return "SIGILL";
    default:
      return "SIGFPE";
  }
}

// Puts a line together without allocating.
class Line {
 public:
  Line& operator<<(std::string_view text) {
    const size_t size = std::min(text.size(), text_.size() - size_);
    std::memcpy(text_.data() + size_, text.data(), size);
    size_ += size;
    return *this;
  }
  Line& number(uint64_t value, int base = 10) {
    std::array<char, 24> digits;
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value, base).ptr;
    return *this << std::string_view(digits.data(), static_cast<size_t>(end - digits.data()));
  }
  void print() {
    *this << "\n";
    for (size_t at = 0; at < size_;) {
      const ssize_t written = write(STDERR_FILENO, text_.data() + at, size_ - at);
      if (written <= 0) return;
      at += static_cast<size_t>(written);
    }
  }

 private:
  std::array<char, 2048> text_;
  size_t size_ = 0;
};

struct Registers {
  uintptr_t pc = 0;
  uintptr_t sp = 0;
};

Registers registers_of([[maybe_unused]] const void* context) {
#if defined(__x86_64__)
  const auto& machine = static_cast<const ucontext_t*>(context)->uc_mcontext;
  return {static_cast<uintptr_t>(machine.gregs[REG_RIP]),
          static_cast<uintptr_t>(machine.gregs[REG_RSP])};
#elif defined(__aarch64__)
  const auto& machine = static_cast<const ucontext_t*>(context)->uc_mcontext;
  return {machine.pc, machine.sp};
#else
  return {};
#endif
}

void describe_fault(Line& line, int signal, uintptr_t address, const Registers& registers) {
  line << "isola: " << signal_name(signal);
  if (signal != SIGSEGV && signal != SIGBUS) return;
  if (address < kNullPage)
    line << ", a null pointer";
  else if (registers.sp != 0 && address + kStackReach > registers.sp &&
           address < registers.sp + kNullPage)
    line << ", a stack overflow (SystemOptions::stack_bytes, or a fiber_generator's own)";
  (line << " (0x").number(address, 16) << ")";
}

void describe_actor(Line& line) {
  const detail::Worker* worker = detail::Worker::current();
  if (worker == nullptr) {
    line << ": outside of actors";
    return;
  }
  const detail::Worker::InTurn now = worker->in_turn();
  if (now.cell == nullptr) {
    line << ": between the turns of actors";
    return;
  }
  std::array<char, detail::kNameBytesMax + 1> name;
  now.cell->copy_name(name);
  line << ": in actor " << name.data() << (name[0] == 0 ? "#" : " (#");
  line.number(now.cell->id.load(sync::memory_order_relaxed)) << (name[0] == 0 ? "" : ")");
  if (now.message_type == nullptr) return;
  const auto schema = now.message_type->schema().getProto();
  const std::string_view file_and_name(schema.getDisplayName().cStr(),
                                       schema.getDisplayName().size());
  line << ", handling " << file_and_name.substr(schema.getDisplayNamePrefixLength());
}

void print_frames(const Registers& registers) {
  const detail::Trace trace = detail::trace_here();
  // What is further in than the fault are the handler's own frames.
  const auto all = trace.all();
  const auto fault = std::find_if(all.begin(), all.end(), [&](uintptr_t pc) {
    return pc == registers.pc || pc + 1 == registers.pc;
  });
  const auto frames =
      fault == all.end() ? all : all.subspan(static_cast<size_t>(fault - all.begin()));
  for (const Frame& frame : detail::look_up(frames)) {
    Line line;
    (line << "    " << frame.to_string()).print();
  }
}

// Finding names took too long: maybe malloc waits for a lock that the crashed code holds.
void give_up_names(int) { kill(getpid(), crash_signal); }

[[maybe_unused]] void on_crash(int signal, siginfo_t* info, void* context) {
  // A crash while one is reported ends the process as if nothing were installed.
  const bool again = crash_signal != 0;
  crash_signal = signal;
  for (size_t i = 0; i < kSignals.size(); ++i) sigaction(kSignals[i], &before[i], nullptr);
  if (again) return;
  const Registers registers = registers_of(context);
  Line line;
  describe_fault(line, signal, reinterpret_cast<uintptr_t>(info->si_addr), registers);
  describe_actor(line);
  line.print();
  std::signal(SIGALRM, give_up_names);
  alarm(kNamesLimitSeconds);
  print_frames(registers);
  alarm(0);
  // A signal that somebody sent does not come again by itself.
  if (info->si_code <= 0) raise(signal);
}

bool install() {
#if !defined(ISOLA_ASAN) && !defined(ISOLA_TSAN)
  struct sigaction action {};
  action.sa_sigaction = on_crash;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigemptyset(&action.sa_mask);
  for (size_t i = 0; i < kSignals.size(); ++i) sigaction(kSignals[i], &action, &before[i]);
  // Loaded now: the first walk of a stack and the first look-up of a name allocate.
  (void)detail::look_up(detail::trace_here().all().first(1));
#endif
  return true;
}

}  // namespace

void report_crashes() {
  static const detail::SignalStack of_this_thread;
  static const bool installed = install();
  (void)installed;
}

namespace detail {

SignalStack::SignalStack() {
  stack_t present{};
  if (sigaltstack(nullptr, &present) != 0 || (present.ss_flags & SS_DISABLE) == 0) return;
  void* memory = mmap(nullptr, kSignalStackBytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return;
  stack_t own{};
  own.ss_sp = memory;
  own.ss_size = kSignalStackBytes;
  if (sigaltstack(&own, nullptr) == 0)
    memory_ = memory;
  else
    munmap(memory, kSignalStackBytes);
}

SignalStack::~SignalStack() {
  if (memory_ == nullptr) return;
  stack_t none{};
  none.ss_flags = SS_DISABLE;
  sigaltstack(&none, nullptr);
  munmap(memory_, kSignalStackBytes);
}

}  // namespace detail
}  // namespace isola
