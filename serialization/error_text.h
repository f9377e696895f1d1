// Reading the texts and frames of error records. For the sources of errors only.
#pragma once

#include <isola/serialization/error_record.capnp.h>
#include <isola/serialization/frames.h>

#include <string>
#include <vector>

namespace isola::detail {

std::string text_of(capnp::Text::Reader reader);
// With their names: those in the record, or those that are looked up now.
std::vector<Frame> frames_of(capnp::List<ErrorRecord::Frame>::Reader frames);

}  // namespace isola::detail
