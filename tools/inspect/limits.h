// What the inspector bounds, at both ends of the socket, and why.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace isola::inspect {

// Of a name, a type and the like in bytes; more is cut. Types of templates can be very long.
inline constexpr size_t kTextBytesMax = 255;
// In one answer: some hundred make the way to and fro cheap, and the message stays small.
inline constexpr uint32_t kPageActorsMax = 256;
// Of one message, in words. Both ends refuse a longer one before they make room for it.
inline constexpr uint64_t kMessageWordsMax = 64 * 1024;
// The longest page fits: 9 words for the numbers and pointers of an actor, and four texts.
static_assert(kPageActorsMax * (9 + 4 * (kTextBytesMax / 8 + 1)) + 1024 <= kMessageWordsMax);

// Inspectors attached to one agent; each may hold some messages of kMessageWordsMax.
inline constexpr size_t kConnectionsMax = 16;
// Answers in bytes that wait until one inspector takes them; a polite one has a single page.
inline constexpr size_t kQueueBytesMax = 2 * kMessageWordsMax * sizeof(uint64_t);
// How long an inspector may say nothing complete before it is dropped.
inline constexpr std::chrono::milliseconds kIdleMax{10'000};
// How long an agent may take for one answer.
inline constexpr std::chrono::milliseconds kAnswerMax{3'000};

// Agents in one process: each has its own socket, and looks for a free name.
inline constexpr uint32_t kAgentsMax = 64;
// Sockets of running programs that are looked at in one folder.
inline constexpr size_t kSocketsMax = 4096;
// What one program may make `isola ps` keep in memory: some million actors.
inline constexpr uint64_t kListingBytesMax = uint64_t{1} << 30;

}  // namespace isola::inspect
