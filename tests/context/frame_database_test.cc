// A database handle that a frame holds: SQLite's, in memory.
#include <gtest/gtest.h>
#include <isola/context/generator.h>
#include <sqlite3.h>

#include <stdexcept>
#include <string>

namespace isola {
namespace {

int open_databases = 0;

// A database that is closed when the frame that runs ends, however that is.
sqlite3* open_in_this_frame(const char* name) {
  sqlite3* database = nullptr;
  if (sqlite3_open(":memory:", &database) != SQLITE_OK) throw std::runtime_error("no database");
  ++open_databases;
  frame().holds(name, [database] {
    EXPECT_EQ(sqlite3_close(database), SQLITE_OK) << "no statement of it is open any more";
    --open_databases;
  });
  return database;
}

void execute(sqlite3* database, const std::string& sql) {
  if (sqlite3_exec(database, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK)
    throw std::runtime_error(sqlite3_errmsg(database));
}

struct Statement {
  Statement(sqlite3* database, const char* sql) {
    if (sqlite3_prepare_v2(database, sql, -1, &handle, nullptr) != SQLITE_OK)
      throw std::runtime_error(sqlite3_errmsg(database));
  }
  ~Statement() { sqlite3_finalize(handle); }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;
  sqlite3_stmt* handle = nullptr;
};

generator<int> rows() {
  sqlite3* database = open_in_this_frame("orders.db");
  execute(database, "CREATE TABLE orders (id INTEGER)");
  for (int i = 1; i <= 3; ++i)
    execute(database, "INSERT INTO orders VALUES (" + std::to_string(i) + ")");
  const Statement select(database, "SELECT id FROM orders ORDER BY id");
  while (sqlite3_step(select.handle) == SQLITE_ROW) co_yield sqlite3_column_int(select.handle, 0);
}

TEST(FrameDatabase, IsClosedWithItsGenerator) {
  int sum = 0;
  for (const int id : rows()) {
    EXPECT_EQ(open_databases, 1);
    sum += id;
  }
  EXPECT_EQ(sum, 6);
  EXPECT_EQ(open_databases, 0);
}

TEST(FrameDatabase, IsClosedAndNamedIfItsGeneratorIsAbandoned) {
  ::testing::internal::CaptureStderr();
  {
    auto first = rows();
    EXPECT_EQ(first.next(), 1);
    EXPECT_EQ(open_databases, 1);
  }
  EXPECT_EQ(open_databases, 0);
  EXPECT_EQ(::testing::internal::GetCapturedStderr(),
            "isola: a generator was abandoned while it held orders.db\n");
}

TEST(FrameDatabase, IsClosedWithACapturedCallThatFails) {
  const auto fails = [] { execute(open_in_this_frame("orders.db"), "SELECT nonsense"); };
  EXPECT_THROW(Context().run(fails), std::runtime_error);
  EXPECT_EQ(open_databases, 0);
}

}  // namespace
}  // namespace isola
