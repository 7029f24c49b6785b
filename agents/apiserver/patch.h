// The three kinds of patches. All take the object and return the patched one; a patch that does not fit throws
// StatusError (400 or 422).
#pragma once

#include <boost/json/value.hpp>
#include <string_view>

#include "lib/kube/objects.h"

namespace apiserver {

using kube::Object;

// RFC 7386.
Object merge_patch(Object object, const boost::json::value& patch);
// RFC 6902.
Object json_patch(Object object, const boost::json::value& patch);
// Kubernetes' own: lists of objects that have a merge key (containers by name, ports by number, …) are merged element
// by element; understands $patch, $retainKeys, $deleteFromPrimitiveList and $setElementOrder.
Object strategic_merge_patch(Object object, const boost::json::value& patch);

// The field that tells the elements of LIST, a member of PARENT, apart; empty where the list is replaced as a whole.
std::string_view merge_key(std::string_view list, std::string_view parent);
// Whether LIST is merged as a set of values.
bool is_merged_set(std::string_view list);

}  // namespace apiserver
