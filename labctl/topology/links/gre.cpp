#include "labctl/topology/links/tunnel.h"

namespace topology {

LinkKindEntry gre_kind() {
  std::vector<Field<Link>> fields = tunnel_fields<GreLink>();
  fields.push_back(kind_field("key", &GreLink::key, optional(number_type<std::uint32_t>("a key", 0, 4294967295)),
                              "Tells tunnels between the same ends apart; the same at both.", "42"));
  return {"gre", "A GRE tunnel between IPv4 addresses (RFC 2784); it carries IPv4 and IPv6.",
          "{kind: gre, local: 192.168.1.1, remote: 192.168.2.1, key: 42}", [] { return GreLink{}; }, std::move(fields)};
}

}  // namespace topology
