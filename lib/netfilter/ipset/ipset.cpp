#include "lib/netfilter/ipset/ipset.h"
