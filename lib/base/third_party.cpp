// The compiled parts of header-only libraries, once for the whole project.
#include <boost/asio/impl/src.hpp>
#include <boost/beast/src.hpp>
