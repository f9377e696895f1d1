// Walking the stack, and reading symbols and line tables with libbacktrace.
#include "frames.h"

#include <isola/serialization/type_name.h>

#include <dlfcn.h>
#include <unwind.h>

#include <algorithm>
#include <cstdio>
#include <initializer_list>
#include <string_view>

// libbacktrace comes with g++, its header lies where only g++ looks: these are its declarations.
#ifdef ISOLA_HAS_LIBBACKTRACE
extern "C" {
struct backtrace_state;
using backtrace_error_callback = void (*)(void* data, const char* message, int error);
using backtrace_full_callback = int (*)(void* data, uintptr_t pc, const char* file, int line,
                                        const char* function);
using backtrace_syminfo_callback = void (*)(void* data, uintptr_t pc, const char* symbol,
                                            uintptr_t value, uintptr_t size);
backtrace_state* backtrace_create_state(const char* file, int threaded,
                                        backtrace_error_callback failed, void* data);
int backtrace_pcinfo(backtrace_state* state, uintptr_t pc, backtrace_full_callback found,
                     backtrace_error_callback failed, void* data);
int backtrace_syminfo(backtrace_state* state, uintptr_t pc, backtrace_syminfo_callback found,
                      backtrace_error_callback failed, void* data);
}
#endif

namespace isola {

namespace detail {

namespace {

_Unwind_Reason_Code add_frame(_Unwind_Context* context, void* data) {
  auto& trace = *static_cast<Trace*>(data);
  if (trace.size == kFramesMax) return _URC_END_OF_STACK;
  const uintptr_t pc = _Unwind_GetIP(context);
  if (pc == 0) return _URC_END_OF_STACK;
  trace.pcs[trace.size++] = pc - 1;  // inside of the call
  return _URC_NO_REASON;
}

std::string readable(const char* symbol) { return symbol == nullptr ? "" : demangled(symbol); }

#ifdef ISOLA_HAS_LIBBACKTRACE

void ignore_failure(void*, const char*, int) {}

int add_found(void* data, uintptr_t pc, const char* file, int line, const char* function) {
  if (file != nullptr || function != nullptr) {
    static_cast<std::vector<Frame>*>(data)->push_back(
        {pc, readable(function), file == nullptr ? "" : file,
         line > 0 ? static_cast<uint32_t>(line) : 0});
  }
  return 0;
}

void name_found(void* data, uintptr_t, const char* symbol, uintptr_t, uintptr_t) {
  *static_cast<std::string*>(data) = readable(symbol);
}

void look_up_in_tables(uintptr_t pc, std::vector<Frame>& frames) {
  static backtrace_state* const state =
      backtrace_create_state(nullptr, /*threaded=*/1, ignore_failure, nullptr);
  if (state == nullptr) return;
  backtrace_pcinfo(state, pc, add_found, ignore_failure, &frames);
  if (frames.empty()) frames.push_back({pc, {}, {}, 0});
  // A symbol's name has the parameters, which line tables alone have not.
  std::string symbol;
  backtrace_syminfo(state, pc, name_found, ignore_failure, &symbol);
  if (!symbol.empty()) frames.back().function = std::move(symbol);
}

#else

void look_up_in_tables(uintptr_t, std::vector<Frame>&) {}

#endif

bool contains_any(std::string_view text, std::initializer_list<std::string_view> parts) {
  return std::any_of(parts.begin(), parts.end(), [&](std::string_view part) {
    return text.find(part) != std::string_view::npos;
  });
}

// The way from a throw to the hook that took the trace.
bool is_of_throwing(const Frame& frame) {
  return contains_any(frame.function, {"__cxa_throw", "::trace_throw(", "std::__throw_",
                                       "std::throw_with_nested", "boost::throw_exception"});
}

// Below these there is only the runtime.
bool is_of_runtime(const Frame& frame) {
  return contains_any(frame.function, {"isola::detail::Worker::", "isola::detail::run_job(",
                                       "isola::detail::FunctionJob<", "boost::context::detail::",
                                       "5isola6detail11FunctionJob",  // too hard for demanglers
                                       "__libc_start"});
}

}  // namespace

[[gnu::noinline]] Trace trace_here() {
  Trace trace;
  _Unwind_Backtrace(add_frame, &trace);
  // Without this function itself.
  if (trace.size > 0) std::copy(trace.pcs.begin() + 1, trace.pcs.begin() + trace.size--,
                                trace.pcs.begin());
  return trace;
}

std::vector<Frame> look_up(uintptr_t pc) {
  std::vector<Frame> frames;
  look_up_in_tables(pc, frames);
  if (frames.empty()) frames.push_back({pc, {}, {}, 0});
  Frame& last = frames.back();
  Dl_info info{};
  if (last.function.empty() && dladdr(reinterpret_cast<void*>(pc), &info) != 0) {
    last.function = readable(info.dli_sname);
    if (last.function.empty() && info.dli_fname != nullptr && last.file.empty())
      last.file = info.dli_fname;
  }
  return frames;
}

std::vector<Frame> look_up(std::span<const uintptr_t> pcs) {
  std::vector<Frame> all;
  for (uintptr_t pc : pcs) {
    for (Frame& frame : look_up(pc)) {
      if (is_of_runtime(frame)) return all;
      if (!(is_of_throwing(frame) && all.empty())) all.push_back(std::move(frame));
    }
  }
  return all;
}

}  // namespace detail

std::string Frame::to_string() const {
  std::string text = function;
  if (text.empty()) {
    std::array<char, 24> address;
    std::snprintf(address.data(), address.size(), "0x%llx", static_cast<unsigned long long>(pc));
    text = pc == 0 ? "" : address.data();
  }
  if (file.empty()) return text;
  const std::string place = line == 0 ? file : file + ":" + std::to_string(line);
  return text.empty() ? place : text + " (" + place + ")";
}

}  // namespace isola
