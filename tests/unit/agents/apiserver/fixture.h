// A registry in memory, and short ways to say what the tests say all the time.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <string>

#include "agents/apiserver/registry.h"

namespace apiserver {

inline Object parse(const std::string& text) {
  return boost::json::parse(text).as_object();
}

class RegistryTest : public ::testing::Test {
 protected:
  RegistryTest() { registry_.create_defaults("192.168.113.10", 8080); }

  static const Kind& kind(const std::string& collection) { return kind_of_collection(collection); }

  static Target target(const std::string& collection, const std::string& name, const std::string& subresource = {}) {
    const Kind& its_kind = kind(collection);
    return {&its_kind, its_kind.resource.namespaced ? "default" : "", name, subresource};
  }

  Object create(const std::string& collection, const std::string& text) {
    return registry_.create(target(collection, ""), parse(text));
  }

  Object patch(const Target& what, const std::string& text, kube::PatchType type = kube::PatchType::strategic_merge) {
    bool created = false;
    return registry_.patch(what, type, boost::json::parse(text), false, created);
  }

  bool exists(const std::string& collection, const std::string& key) { return store_.get(collection, key) != nullptr; }

  // The code and message of the refusal, "" where there is none.
  template <class Function>
  std::string refusal(Function&& function) {
    try {
      function();
    } catch (const StatusError& error) {
      return std::to_string(error.code()) + " " + error.what();
    }
    return {};
  }

  Store store_;
  Registry registry_{store_, {AddressRange("10.108.0.0/16"), PortRange{30000, 32767}}};
};

}  // namespace apiserver
