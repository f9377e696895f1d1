// What a capacity looks like.
#include "capacity.h"

namespace isola {

std::string Capacity::to_string() const {
  std::string out = kind_ == Kind::rendezvous  ? "rendezvous"
                    : kind_ == Kind::unbounded ? "unbounded"
                                               : "bounded(" + std::to_string(items_) + ")";
  if (bytes_ != kAnyBytes) out += ", " + std::to_string(bytes_) + " bytes";
  return out;
}

}  // namespace isola
