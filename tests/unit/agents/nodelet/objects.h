// Pods as the tests write them.
#pragma once

#include <boost/json/parse.hpp>
#include <string>

#include "lib/kube/objects.h"

namespace nodelet {

inline kube::Object parse(const std::string& text) {
  return boost::json::parse(text).as_object();
}

inline kube::Pod parse_pod(const std::string& spec) {
  return kube::Pod::parse(parse(R"({"metadata": {"name": "web", "namespace": "default", "uid": "u1",
    "labels": {"app": "web"}, "annotations": {"note": "hello"}}, "spec": )" +
                                spec + "}"));
}

}  // namespace nodelet
