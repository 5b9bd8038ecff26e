import { Config, Result, Schema, SchemaTransformation } from "effect"
import { IpNetwork, NetAddress } from "effect/net"
import * as Setting from "../Settings/Setting.ts"

/** As browsers send it: no path, no default port, nothing in capitals. What is written otherwise would never match. */
const isOrigin = (text: string): boolean =>
  /^https?:\/\/[^/*]+$/u.test(text) && URL.canParse(text) && new URL(text).origin === text

const OriginList = Schema.String.pipe(
  Schema.decodeTo(
    Schema.Array(Schema.String).check(
      Schema.makeFilter((origins) => origins.every(isOrigin) || (origins.length === 1 && origins[0] === "*"))
    ),
    SchemaTransformation.transform({
      decode: (text): ReadonlyArray<string> => text.split(",").map((origin) => origin.trim()),
      encode: (origins) => origins.join(",")
    })
  )
)

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
  corsOrigins: Setting.withDefaultBy<ReadonlyArray<string>>(
    "CORS_ORIGINS",
    Config.schema(OriginList, "CORS_ORIGINS"),
    (environment) => (environment === "development" ? ["http://localhost:3000", "http://localhost:5173"] : []),
    "origins as browsers send them, such as https://app.example.com,http://localhost:3000, or * alone"
  ),
  trustedProxies: Setting.withDefault(
    "TRUSTED_PROXIES",
    Config.map(Config.schema(Networks, "TRUSTED_PROXIES"), (text) =>
      parts(text).flatMap((part) => network(part) ?? [])
    ),
    [],
    "addresses and networks separated by commas, such as 10.0.0.0/8, 127.0.0.1"
  )
}
