// One value of TOML, one field of a schema.
#include "arguments.h"

#include <fmt/format.h>
#include <isola/tools/topology/text.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

namespace isola::topology {
namespace {

using Which = capnp::schema::Type::Which;

// With its size: a name from a file may have a zero character inside.
kj::StringPtr name_of(const std::string& name) { return {name.c_str(), name.size()}; }

std::vector<std::string> field_names(capnp::StructSchema schema) {
  std::vector<std::string> names;
  for (auto field : schema.getFields()) names.emplace_back(field.getProto().getName().cStr());
  return names;
}

std::vector<std::string> enumerant_names(capnp::EnumSchema schema) {
  std::vector<std::string> names;
  for (auto enumerant : schema.getEnumerants())
    names.emplace_back(enumerant.getProto().getName().cStr());
  return names;
}

// An integer type's bounds, as far as TOML can say them: its integers end at 2^63 - 1.
struct Bounds {
  int64_t least;
  int64_t most;
};
template <class T>
constexpr Bounds bounds_of() {
  if constexpr (std::is_same_v<T, uint64_t>)
    return {0, std::numeric_limits<int64_t>::max()};
  else
    return {std::numeric_limits<T>::min(), std::numeric_limits<T>::max()};
}
std::optional<Bounds> bounds_of(Which which) {
  switch (which) {
    case Which::INT8:
      return bounds_of<int8_t>();
    case Which::INT16:
      return bounds_of<int16_t>();
    case Which::INT32:
      return bounds_of<int32_t>();
    case Which::INT64:
      return bounds_of<int64_t>();
    case Which::UINT8:
      return bounds_of<uint8_t>();
    case Which::UINT16:
      return bounds_of<uint16_t>();
    case Which::UINT32:
      return bounds_of<uint32_t>();
    case Which::UINT64:
      return bounds_of<uint64_t>();
    default:
      return std::nullopt;
  }
}

std::string describe(capnp::Type type) {
  if (const auto bounds = bounds_of(type.which()))
    return fmt::format("an integer from {} to {}", bounds->least, bounds->most);
  switch (type.which()) {
    case Which::BOOL:
      return "true or false";
    case Which::FLOAT32:
    case Which::FLOAT64:
      return "a number";
    case Which::TEXT:
    case Which::DATA:
      return "text";
    case Which::ENUM:
      return "one of " + listed(enumerant_names(type.asEnum()));
    case Which::LIST:
      return "a list, each item " + describe(type.asList().getElementType());
    case Which::STRUCT:
      return "a table";
    default:
      return "left out: a file can't give it";
  }
}

// What the file says there, for "not …".
std::string shown(const Value& value) {
  switch (value.kind) {
    case Value::Kind::integer:
      return fmt::format("{}", value.integer);
    case Value::Kind::real:
      return fmt::format("{}", value.real);
    case Value::Kind::boolean:
      return value.boolean ? "true" : "false";
    case Value::Kind::text:
      return "the text " + in_quotes(value.text);
    default:
      return std::string(topology::describe(value.kind));
  }
}

class Writer {
 public:
  explicit Writer(Faults& faults) : faults_(faults) {}

  // `path`: of this struct among the arguments, "" for all of them.
  void write_struct(const Value& table, const std::string& path, const std::string& owner,
                    capnp::DynamicStruct::Builder out) {
    const capnp::StructSchema schema = out.getSchema();
    const Entry* union_member = nullptr;
    for (const Entry& entry : table.entries) {
      KJ_IF_MAYBE (field, schema.findFieldByName(name_of(entry.key))) {
        if (field->getProto().getDiscriminantValue() != capnp::schema::Field::NO_DISCRIMINANT) {
          if (union_member != nullptr) {
            faults_.add(entry.key_place, fmt::format("argument {} excludes {}: give one of them",
                                                     in_quotes(path + entry.key),
                                                     in_quotes(path + union_member->key)));
            continue;
          }
          union_member = &entry;
        }
        write_field(entry, path + entry.key, *field, out);
      } else {
        add_unknown(entry, owner, schema);
      }
    }
  }

 private:
  void add_unknown(const Entry& entry, const std::string& owner, capnp::StructSchema schema) {
    const auto names = field_names(schema);
    std::string hint = did_you_mean(entry.key, names);
    if (hint.empty()) hint = names.empty() ? "; it has none" : "; it has " + listed(names);
    faults_.add(entry.key_place,
                fmt::format("{} has no argument {}{}", owner, in_quotes(entry.key), hint));
  }

  void add_wrong(const Value& value, const std::string& path, capnp::Type type) {
    std::string hint;
    if (type.which() == Which::ENUM && value.kind == Value::Kind::text)
      hint = did_you_mean(value.text, enumerant_names(type.asEnum()));
    faults_.add(value.place, fmt::format("argument {} must be {}, not {}{}", in_quotes(path),
                                         describe(type), shown(value), hint));
  }

  void write_field(const Entry& entry, const std::string& path, capnp::StructSchema::Field field,
                   capnp::DynamicStruct::Builder out) {
    const capnp::Type type = field.getType();
    const Value& value = entry.value;
    if (type.which() == Which::STRUCT) {
      if (value.kind != Value::Kind::table) return add_wrong(value, path, type);
      write_struct(value, path + ".", "argument " + in_quotes(path),
                   out.init(field).as<capnp::DynamicStruct>());
    } else if (type.which() == Which::LIST) {
      // On the command line a single item stands for a list of one.
      const bool is_item = value.is_setting && value.kind != Value::Kind::list;
      if (!is_item && value.kind != Value::Kind::list) return add_wrong(value, path, type);
      const auto size = static_cast<capnp::uint>(is_item ? 1 : value.items.size());
      write_list(value, is_item, path, out.init(field, size).as<capnp::DynamicList>());
    } else if (auto plain = plain_value(value, path, type)) {
      out.set(field, *plain);
    }
  }

  void write_list(const Value& list, bool is_item, const std::string& path,
                  capnp::DynamicList::Builder out) {
    const capnp::Type type = out.getSchema().getElementType();
    for (capnp::uint i = 0; i < out.size(); ++i) {
      const Value& item = is_item ? list : list.items[i];
      const std::string item_path = fmt::format("{}[{}]", path, i);
      if (type.which() == Which::STRUCT) {
        if (item.kind != Value::Kind::table)
          add_wrong(item, item_path, type);
        else
          write_struct(item, item_path + ".", "argument " + in_quotes(item_path),
                       out[i].as<capnp::DynamicStruct>());
      } else if (type.which() == Which::LIST) {
        if (item.kind != Value::Kind::list)
          add_wrong(item, item_path, type);
        else
          write_list(
              item, false, item_path,
              out.init(i, static_cast<capnp::uint>(item.items.size())).as<capnp::DynamicList>());
      } else if (auto plain = plain_value(item, item_path, type)) {
        out.set(i, *plain);
      }
    }
  }

  // Everything but lists and structs. Nothing: a fault. Refers to `value`.
  std::optional<capnp::DynamicValue::Reader> plain_value(const Value& value,
                                                         const std::string& path,
                                                         capnp::Type type) {
    using Kind = Value::Kind;
    const Kind kind = value.kind;
    const auto bounds = bounds_of(type.which());
    if (bounds && kind == Kind::integer) {
      if (value.integer >= bounds->least && value.integer <= bounds->most) return value.integer;
    } else if (type.which() == Which::BOOL && kind == Kind::boolean) {
      return value.boolean;
    } else if (type.which() == Which::FLOAT32 || type.which() == Which::FLOAT64) {
      const double real = kind == Kind::integer ? static_cast<double>(value.integer) : value.real;
      const bool fits = type.which() == Which::FLOAT64 || !std::isfinite(real) ||
                        std::abs(real) <= std::numeric_limits<float>::max();
      if ((kind == Kind::integer || kind == Kind::real) && fits) return real;
    } else if (type.which() == Which::TEXT || type.which() == Which::DATA) {
      if (kind == Kind::text) return plain_text(value.text, path, value.place, type);
      // `--set name=5` and `--set name="5"` are the same for a text.
      if (value.is_setting) return plain_text(value.raw, path, value.place, type);
    } else if (type.which() == Which::ENUM && kind == Kind::text) {
      KJ_IF_MAYBE (enumerant, type.asEnum().findEnumerantByName(name_of(value.text)))
        return capnp::DynamicEnum(*enumerant);
    }
    add_wrong(value, path, type);
    return std::nullopt;
  }

  std::optional<capnp::DynamicValue::Reader> plain_text(const std::string& text,
                                                        const std::string& path, const Place& place,
                                                        capnp::Type type) {
    if (type.which() == Which::DATA)
      return capnp::Data::Reader(reinterpret_cast<const kj::byte*>(text.data()), text.size());
    // A text ends at its first zero character for most who read it, file names above all.
    if (text.find('\0') == std::string::npos) return capnp::Text::Reader(text.data(), text.size());
    faults_.add(place, fmt::format("argument {} has a zero character", in_quotes(path)));
    return std::nullopt;
  }

  Faults& faults_;
};

}  // namespace

void write_arguments(const Value& table, const std::string& type, capnp::DynamicStruct::Builder out,
                     Faults& faults) {
  Writer(faults).write_struct(table, "", "type " + in_quotes(type), out);
}

}  // namespace isola::topology
