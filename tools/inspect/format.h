// Listings as a table for people and as JSON for programs. Thread safety: any thread.
#pragma once

#include <isola/tools/inspect/client.h>

#include <iosfwd>
#include <vector>

namespace isola::inspect {

// A heading line, then one line for each actor, in aligned columns:
//
//   isola (pid 4711): system wordcount, 2 workers, 5 actors, started 12 s ago
//   ID  NAME       TYPE      STATE    WAITS FOR  INBOX  HANDLED     HEAP  RESTARTS
//    1  reader     function  blocked  channel        0     1234  1.2 KiB         0
void print_table(std::ostream& out, const Listing& listing, uint64_t now_ms);

// One JSON object, `Listing` of inspector.capnp, with a line for each actor.
void print_json(std::ostream& out, const std::vector<Listing>& listings);

}  // namespace isola::inspect
