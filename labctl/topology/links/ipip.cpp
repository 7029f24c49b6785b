#include "labctl/topology/links/tunnel.h"

namespace topology {

LinkKindEntry ipip_kind() {
  return {"ipip", "A tunnel of IPv4 in IPv4 (RFC 2003).", "{kind: ipip, local: 192.168.1.1, remote: 192.168.2.1}",
          [] { return IpipLink{}; }, tunnel_fields<IpipLink>()};
}

}  // namespace topology
