import { Result } from "effect"
import { IpNetwork, NetAddress } from "effect/net"

/** What one person has: an IPv4 address, or the 64 bits that a household gets of IPv6, within which addresses are free. */
export const networkOf = (address: string): string => {
  const parsed = NetAddress.ipFromString(address)
  return Result.isSuccess(parsed) && NetAddress.isIpv6Address(parsed.success)
    ? Result.match(IpNetwork.fromAddress(parsed.success, 64), { onFailure: () => address, onSuccess: IpNetwork.format })
    : address
}
