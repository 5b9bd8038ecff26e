/** Which addresses are public, and connections to no others. */
import { lookup } from "node:dns"
import { BlockList, isIP, type LookupFunction } from "node:net"

/** Of IANA's registry of special-purpose addresses, what is not globally reachable; and multicast. */
const special4 = [
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.0.0.0/24",
  "192.0.2.0/24",
  "192.88.99.0/24",
  "192.168.0.0/16",
  "198.18.0.0/15",
  "198.51.100.0/24",
  "203.0.113.0/24",
  "224.0.0.0/3"
]

/** Everything but 2000::/3, which is the public internet, and in there what is not; and what leads to IPv4 in other ways. */
const special6 = [
  "::/96",
  "::ffff:0:0:0/96",
  "64:ff9b:1::/48",
  "100::/8",
  "200::/7",
  "400::/6",
  "800::/5",
  "1000::/4",
  "2001::/23",
  "2001:db8::/32",
  "2002::/16",
  "3fff::/20",
  "4000::/2",
  "8000::/1"
]

const blocked = new BlockList()
for (const range of special4) {
  const [net = "", prefix] = range.split("/")
  // This holds for IPv4-mapped IPv6 too.
  blocked.addSubnet(net, Number(prefix), "ipv4")
  // NAT64: the same address, seen from a network that has IPv6 only.
  blocked.addSubnet(`64:ff9b::${net}`, 96 + Number(prefix), "ipv6")
}
for (const range of special6) {
  const [net = "", prefix] = range.split("/")
  blocked.addSubnet(net, Number(prefix), "ipv6")
}

/** What is no address is not public either. */
export const isPublic = (address: string): boolean => {
  const family = isIP(address)
  return family !== 0 && !blocked.check(address, family === 6 ? "ipv6" : "ipv4")
}

/** A host of a URL that is itself an address, which nobody will look up. */
export const isPrivateLiteral = (hostname: string): boolean => {
  const host = hostname.replace(/^\[(.*)\]$/u, "$1")
  return isIP(host) !== 0 && !isPublic(host)
}

const lookupPublic: LookupFunction = (hostname, options, callback) =>
  lookup(hostname, { ...options, all: true }, (error, addresses) => {
    if (error !== null) return callback(error, [])
    const found = addresses.filter(({ address }) => isPublic(address))
    if (found.length === 0) return callback(new Error(`${hostname} has no public address`), [])
    callback(null, found)
  })

/**
 * For an agent of `node:http`: connects to what was looked up and is public, nothing else. There is no second look-up that
 * could say otherwise. (`blockList` of `node:net` would do, but TLS sockets ignore it.)
 */
export const agentOptions = {
  lookup: lookupPublic,
  /** The look-up is asked for all addresses, and so may answer with a list. */
  autoSelectFamily: true
}
