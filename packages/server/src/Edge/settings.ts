import { Config, Result, Schema } from "effect"
import { IpNetwork, NetAddress } from "effect/net"
import * as Setting from "../Settings/Setting.ts"

/** A network, or one address; IPv4 in the clothes of IPv6 is IPv4. */
const network = (text: string) => {
  if (text.includes("/")) return Result.getOrUndefined(IpNetwork.fromString(text))
  const parsed = Result.getOrUndefined(NetAddress.ipFromString(text))
  if (parsed === undefined) return undefined
  const address = NetAddress.toCanonical(parsed)
  return Result.getOrUndefined(IpNetwork.make(address, NetAddress.width(address)))
}

const parts = (text: string) => text.split(",").flatMap((part) => part.trim() || [])

const Networks = Schema.String.check(Schema.makeFilter((text: string) => parts(text).every(network)))

export const settings = {
  host: Setting.withDefaultBy(
    "HOST",
    Config.NonEmptyString("HOST"),
    (environment) => (Setting.isLocal(environment) ? "127.0.0.1" : "0.0.0.0"),
    "the address to listen on, such as 127.0.0.1"
  ),
  port: Setting.withDefault(
    "PORT",
    Config.schema(
      Schema.FiniteFromString.check(Schema.isInt(), Schema.isBetween({ minimum: 0, maximum: 65_535 })),
      "PORT"
    ),
    8000,
    "a port number from 1 to 65535, or 0 for any that is free"
  ),
  maxBodyBytes: Setting.positiveInt("MAX_BODY_BYTES", 1_048_576),
  trustedProxies: Setting.withDefault(
    "TRUSTED_PROXIES",
    Config.map(Config.schema(Networks, "TRUSTED_PROXIES"), (text) =>
      parts(text).flatMap((part) => network(part) ?? [])
    ),
    [],
    "addresses and networks separated by commas, such as 10.0.0.0/8, 127.0.0.1"
  )
}
