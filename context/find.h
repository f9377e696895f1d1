// Where one key is bound: in a chain of bindings, or in the record under it. The one walk of
// look-ups, in the context that runs and in captured ones. All keys at a time: visible.h.
#pragma once

#include <isola/context/visible.h>

#include <optional>

namespace isola::detail {

// Nothing if the key is not bound, or unset. Valid while bindings and record are.
std::optional<Visible> find_visible(const Binding* innermost, const Block* inherited,
                                    const KeyBase& key);

}  // namespace isola::detail
