// Arguments: writes what a file gives for an actor into the Cap'n Proto struct that it takes.
//
// Thread safety: none.
#pragma once

#include <capnp/dynamic.h>
#include <isola/tools/topology/faults.h>
#include <isola/tools/topology/value.h>

#include <string>

namespace isola::topology {

// Sets the field of each entry of `table`. What does not fit is a fault and left out: an unknown
// field, a wrong kind of value, a number out of range, two fields of one union.
// REQUIRES: `table` is a table. `type`: the actor's, as messages name it.
void write_arguments(const Value& table, const std::string& type, capnp::DynamicStruct::Builder out,
                     Faults& faults);

}  // namespace isola::topology
