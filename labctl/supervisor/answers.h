// How the two APIs of the supervisor answer.
#pragma once

#include <boost/json/value.hpp>
#include <functional>
#include <memory>
#include <string>

#include "labctl/supervisor/events.h"
#include "labctl/supervisor/output_log.h"
#include "lib/base/http.h"

namespace supervisor {

using ExchangePointer = std::shared_ptr<base::http::Exchange>;

void answer(base::http::Exchange& exchange, const boost::json::value& body, int status = 200);
void refuse(base::http::Exchange& exchange, int status, const std::string& why);

// Runs ROUTE; what leaves it is a refusal: base::Error with 409, anything else with 400.
void answer_errors(const ExchangePointer& exchange, const std::function<void()>& route);

// The body of the request as an object; an empty body is an empty object.
boost::json::object body_of(const base::http::Request& request);
bool wants_follow(const base::http::Request& request);

// A stream that a slow reader cannot make grow without bound: it is cut then.
void write_bounded(base::http::ResponseStream& stream, std::string data);

// VALUE as a line; what processes say of themselves may be anything, and is made UTF-8.
std::string line_of(const boost::json::value& value);

// What LOG holds, and, where the request asks for it, what follows.
void answer_log(const ExchangePointer& exchange, const std::shared_ptr<OutputLog>& log);

}  // namespace supervisor
