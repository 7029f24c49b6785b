#include "lib/netfilter/conntrack/conntrack.h"
