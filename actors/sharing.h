// When a worker gives actors to another one, and by what both judge whether that was in vain: see
// worker.h. In a simulation little is enough, so that all of it happens.
#pragma once

#include <isola/serialization/sync.h>

#include <cstdint>

namespace isola::detail {

// How long actors have been ready while another worker sleeps, before half of them go there: some
// ten times what waking it takes.
inline constexpr int64_t kBacklogNs = sync::kSimulated ? 1'000 : 50'000;
// Each time that this was in vain it is so many times longer, up to kBacklogMaxNs.
inline constexpr int64_t kPatienceGrows = 8;
inline constexpr int64_t kBacklogMaxNs = 400 * kBacklogNs;
// After so many such times in which nothing was in vain it is the short one again.
inline constexpr int64_t kPatienceLasts = 16;
// What it takes to get a message, or an actor, from another worker: 50 to 100 ns here and as much
// there, and what both do to the caches.
inline constexpr int64_t kFetchNs = sync::kSimulated ? 1'000'000 : 400;
// Whether it pays is judged by so many messages or sleeps; those given away settle before: they
// gather with whom they talk to, for so many messages each, and twice as many sleeps.
inline constexpr uint64_t kMessagesOfJudgement = sync::kSimulated ? 4 : 128;
inline constexpr uint32_t kSleepsOfJudgement = sync::kSimulated ? 4 : 8;
inline constexpr uint64_t kMessagesToSettle = sync::kSimulated ? 1 : 8;
inline constexpr uint64_t kGuestsToSettle = 64;  // at most
// It is in vain only if all time, also what is slept, is less than so many times what it costs.
inline constexpr int64_t kOften = 10;
// A turn that is as long as it takes to wake a worker, and how many turns pass between two looks at
// the clock where they are shorter.
inline constexpr int64_t kLongTurnNs = 5'000;
inline constexpr int32_t kTurnsOfLook = sync::kSimulated ? 2 : 16;
// The same where turns are so short that a look would take a good part of their time.
inline constexpr int64_t kShortTurnNs = 100;
inline constexpr int32_t kShortTurnsOfLook = sync::kSimulated ? 2 : 64;
// After how many messages to and fro an actor goes to the worker of the other one.
inline constexpr uint8_t kStrays = 2;

}  // namespace isola::detail
