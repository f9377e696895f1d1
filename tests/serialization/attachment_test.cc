// What travels beside the body of a message: handles, kinds, forwarding, the end of it.
#include <isola/serialization/attachment.h>

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "tests/support/messages.capnp.h"

namespace isola {
namespace {

// Something with an identity: clones share a token, which counts them.
struct Ticket {
  std::shared_ptr<int> token;
};
struct Label {
  std::string text;
};

template <class X>
class Held final : public detail::Attachment {
 public:
  explicit Held(X&& value) : value(std::move(value)) {}
  const void* kind() const override { return &detail::attachment_kind<X>; }
  uint64_t bytes() const override { return 1000; }
  X value;
};

}  // namespace

template <>
struct AttachmentTraits<Ticket> {
  static std::unique_ptr<detail::Attachment> make(Ticket&& ticket) {
    return std::make_unique<Held<Ticket>>(std::move(ticket));
  }
  static Result<Ticket> get(detail::Attachment& attachment) {
    return {static_cast<Held<Ticket>&>(attachment).value, Error()};
  }
};
template <>
struct AttachmentTraits<Label> {
  static std::unique_ptr<detail::Attachment> make(Label&& label) {
    return std::make_unique<Held<Label>>(std::move(label));
  }
  static Result<Label> get(detail::Attachment& attachment) {
    return {static_cast<Held<Label>&>(attachment).value, Error()};
  }
  static Result<Label> missing(Code code) { return {Label{"missing"}, Error(code)}; }
};

namespace {

using test::Note;
using test::Number;

class AttachmentTest : public ::testing::Test {
 protected:
  ~AttachmentTest() override {
    EXPECT_EQ(pool_->stats().live, 0u);
    pool_->close();
  }
  Pool* pool_ = Pool::create(64 << 20);
};

TEST_F(AttachmentTest, HandlesCountFromOneAndNameWhatWasAttached) {
  auto number = compose<Number>(*pool_);
  EXPECT_EQ(number.attach(Label{"first"}), 1u);
  EXPECT_EQ(number.attach(Ticket{}), 2u);
  EXPECT_EQ(number.attach(Label{"third"}), 3u);
  Delivery<Number> got(std::move(number));
  EXPECT_EQ(got.attached<Label>(1).or_raise().text, "first");
  EXPECT_EQ(got.attached<Label>(3).or_raise().text, "third");
  EXPECT_EQ(got.attached<Label>(3).or_raise().text, "third") << "a clone leaves it there";
}

TEST_F(AttachmentTest, AHandleThatNamesNothingIsAnError) {
  auto number = compose<Number>(*pool_);
  Delivery<Number> without(compose<Number>(*pool_));
  EXPECT_EQ(without.attached<Ticket>(1).err, Code::no_attachment);
  (void)number.attach(Label{"only"});
  Delivery<Number> got(std::move(number));
  EXPECT_EQ(got.attached<Label>(0).err, Code::no_attachment) << "the default of a field";
  EXPECT_EQ(got.attached<Label>(2).err, Code::no_attachment);
  EXPECT_EQ(got.attached<Label>(UINT32_MAX).err, Code::no_attachment);
}

TEST_F(AttachmentTest, AnotherTypeThanWasAttachedIsAnErrorWithItsOwnValue) {
  auto number = compose<Number>(*pool_);
  const uint32_t handle = number.attach(Ticket{std::make_shared<int>(7)});
  Delivery<Number> got(std::move(number));
  EXPECT_EQ(*got.attached<Ticket>(handle).or_raise().token, 7);
  const Result<Label> wrong = got.attached<Label>(handle);
  EXPECT_EQ(wrong.err, Code::wrong_attachment);
  EXPECT_EQ(wrong.value.text, "missing");
}

TEST_F(AttachmentTest, ItEndsWithTheMessageAndNotWithItsClones) {
  auto token = std::make_shared<int>(7);
  {
    auto note = compose<Note>(*pool_);
    note->setText(std::string(10'000, 'x'));
    const uint32_t handle = note.attach(Ticket{token});
    EXPECT_EQ(token.use_count(), 2);
    Ticket clone;
    {
      Delivery<Note> got(std::move(note));
      clone = got.attached<Ticket>(handle).or_raise();
      EXPECT_EQ(token.use_count(), 3);
    }
    EXPECT_EQ(token.use_count(), 2);
  }
  EXPECT_EQ(token.use_count(), 1);
}

TEST_F(AttachmentTest, ABlockThatIsUsedAgainHasNone) {
  auto token = std::make_shared<int>(7);
  for (int round = 0; round < 100; ++round) {
    auto number = compose<Number>(*pool_);
    EXPECT_EQ(Delivery<Number>(compose<Number>(*pool_)).attached<Ticket>(1).err,
              Code::no_attachment);
    EXPECT_EQ(number.attach(Ticket{token}), 1u);
    number->setValue(round);
  }
  EXPECT_EQ(token.use_count(), 1);
}

TEST_F(AttachmentTest, AliasesShareThemAndTheLastUseEndsThem) {
  auto token = std::make_shared<int>(7);
  auto number = compose<Number>(*pool_);
  const uint32_t handle = number.attach(Ticket{token});
  Block* origin = number.take();
  Delivery<Number> first(make_alias(*pool_, origin));
  Delivery<Number> second(make_alias(*pool_, origin));
  release(origin);
  EXPECT_EQ(first.attached<Ticket>(handle).or_raise().token, token);
  first = Delivery<Number>();
  EXPECT_EQ(token.use_count(), 2);
  EXPECT_EQ(second.attached<Ticket>(handle).or_raise().token, token);
  EXPECT_EQ(second.attached<Label>(handle).err, Code::wrong_attachment);
  second = Delivery<Number>();
  EXPECT_EQ(token.use_count(), 1);
}

TEST_F(AttachmentTest, AMarkerHasNone) {
  auto token = std::make_shared<int>(7);
  auto number = compose<Number>(*pool_);
  const uint32_t handle = number.attach(Ticket{token});
  Delivery<Number> got(std::move(number));
  make_marker(*got.block());
  EXPECT_EQ(token.use_count(), 1);
  EXPECT_EQ(got.attached<Ticket>(handle).err, Code::no_attachment);
}

TEST_F(AttachmentTest, ItsBytesAreHeldByTheMessage) {
  auto number = compose<Number>(*pool_);
  const uint64_t body = number.block()->held_bytes();
  (void)number.attach(Ticket{});
  (void)number.attach(Ticket{});
  EXPECT_EQ(number.block()->held_bytes(), body + 2000);
}

}  // namespace
}  // namespace isola
