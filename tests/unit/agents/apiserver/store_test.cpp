#include "agents/apiserver/store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "lib/base/error.h"

namespace apiserver {
namespace {

using ::testing::ElementsAre;
using ::testing::StartsWith;

Object named(const std::string& name, int value = 0) {
  return {{"metadata", Object{{"name", name}}}, {"value", value}};
}

TEST(Store, EveryChangeHasAVersionOfItsOwn) {
  Store store;
  uint64_t start = store.version();
  auto first = store.put("pods", "a", named("a"));
  auto second = store.put("services", "b", named("b"));
  auto last = store.remove("pods", "a");
  EXPECT_EQ(kube::text_at(*first, "metadata.resourceVersion"), std::to_string(start + 1));
  EXPECT_EQ(kube::text_at(*second, "metadata.resourceVersion"), std::to_string(start + 2));
  EXPECT_EQ(kube::text_at(*last, "metadata.resourceVersion"), std::to_string(start + 3));
  EXPECT_EQ(store.get("pods", "a"), nullptr);
}

TEST(Store, TellsTheChangesOfOneCollectionSinceAVersion) {
  Store store;
  store.put("pods", "a", named("a"));
  uint64_t version = store.version();
  store.put("pods", "b", named("b"));
  store.put("services", "x", named("x"));
  store.remove("pods", "a");
  auto changes = store.changes_since("pods", version);
  ASSERT_TRUE(changes);
  ASSERT_EQ(changes->size(), 2u);
  EXPECT_EQ((*changes)[0].type, Change::Type::added);
  EXPECT_EQ((*changes)[1].type, Change::Type::deleted);
  EXPECT_NE((*changes)[1].previous, nullptr);
}

TEST(Store, SaysSoWhereTheHistoryDoesNotReachBack) {
  Store store;
  uint64_t start = store.version();
  EXPECT_TRUE(store.changes_since("pods", start));
  EXPECT_FALSE(store.changes_since("pods", start - 1)) << "before this server began";
  EXPECT_FALSE(store.changes_since("pods", start + 1)) << "in the future";
  for (size_t count = 0; count <= Store::history_limit; ++count) store.put("pods", "a", named("a"));
  EXPECT_FALSE(store.changes_since("pods", start));
  EXPECT_TRUE(store.changes_since("pods", start + 1));
  EXPECT_TRUE(store.changes_since("services", start)) << "another collection's history is its own";
}

TEST(Store, ListenersHearOfTheirCollectionUntilTheyLeave) {
  Store store;
  std::vector<std::string> heard;
  {
    auto pods = store.subscribe("pods", [&](const std::string&, const Change& change) {
      heard.push_back("pods " + kube::key_of(*change.object));
    });
    auto all = store.subscribe("", [&](const std::string& collection, const Change&) { heard.push_back(collection); });
    store.put("pods", "a", named("a"));
    store.put("services", "b", named("b"));
  }
  store.put("pods", "c", named("c"));
  EXPECT_THAT(heard, ElementsAre("pods a", "pods", "services"));
}

class JournalTest : public ::testing::Test {
 protected:
  ~JournalTest() override { ::unlink(path_.c_str()); }
  std::string path_ = "/tmp/labctl-journal-test-" + std::to_string(::getpid());
};

TEST_F(JournalTest, ObjectsSurviveARestartAndOldVersionsAreKnownToBeOld) {
  uint64_t before = 0;
  {
    Store store(path_);
    store.put("pods", "a", named("a", 1));
    before = store.version();
    store.put("pods", "a", named("a", 2));
    store.put("pods", "b", named("b"));
    store.remove("pods", "b");
  }
  for (int restart = 0; restart < 2; ++restart) {
    Store store(path_);
    ASSERT_NE(store.get("pods", "a"), nullptr);
    EXPECT_EQ(kube::number_at(*store.get("pods", "a"), "value"), 2);
    EXPECT_EQ(store.get("pods", "b"), nullptr);
    EXPECT_FALSE(store.changes_since("pods", before));
    EXPECT_TRUE(store.changes_since("pods", store.version()));
  }
}

TEST_F(JournalTest, ALineThatWasCutShortIsIgnored) {
  { Store(path_).put("pods", "a", named("a")); }
  std::ofstream(path_, std::ios::app) << R"({"collection":"pods","key":"b","obj)";
  Store store(path_);
  EXPECT_EQ(store.list("pods").size(), 1u);
}

TEST_F(JournalTest, ALineThatIsBrokenBeforeTheLastIsAFaultWithItsPlace) {
  { Store(path_).put("pods", "a", named("a")); }
  std::ofstream(path_, std::ios::app) << "{\"collection\":\"po\n"
                                      << R"({"collection":"pods","key":"b","object":{}})"
                                      << "\n";
  try {
    Store store(path_);
    ADD_FAILURE() << "the objects behind the broken line were dropped in silence";
  } catch (const base::Error& error) {
    EXPECT_THAT(error.what(), StartsWith(path_ + ":2: "));
  }
}

TEST_F(JournalTest, TheFileStaysInProportionToWhatIsAlive) {
  Object lease = named("a");
  lease["holder"] = std::string(10'000, 'x');
  Store store(path_);
  for (int renewal = 0; renewal < 1000; ++renewal) {
    lease["value"] = renewal;
    store.put("leases", "a", lease);
  }
  EXPECT_LT(std::filesystem::file_size(path_), 2 * Journal::rewrite_floor);
  Store restarted(path_);
  EXPECT_EQ(kube::number_at(*restarted.get("leases", "a"), "value"), 999);
}

TEST_F(JournalTest, AFullDiskCostsOnlyTheChangeThatWasRefused) {
  ::signal(SIGXFSZ, SIG_IGN);
  {
    Store store(path_);
    store.put("pods", "a", named("a"));
    rlimit before{};
    ::getrlimit(RLIMIT_FSIZE, &before);
    rlimit full{std::filesystem::file_size(path_) + 20, before.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &full);
    EXPECT_THROW(store.put("pods", "refused", named("refused")), base::Error);
    ::setrlimit(RLIMIT_FSIZE, &before);
    EXPECT_EQ(store.get("pods", "refused"), nullptr);
    store.put("pods", "b", named("b"));
  }
  Store restarted(path_);
  EXPECT_NE(restarted.get("pods", "a"), nullptr);
  EXPECT_NE(restarted.get("pods", "b"), nullptr);
  EXPECT_EQ(restarted.get("pods", "refused"), nullptr);
}

}  // namespace
}  // namespace apiserver
