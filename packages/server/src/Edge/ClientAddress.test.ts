import { assert, describe, it, layer } from "@effect/vitest"
import { ConfigProvider, Effect } from "effect"
import { IpNetwork } from "effect/net"
import { randomUUID } from "node:crypto"
import { logged } from "../../test/TestLog.ts"
import { TestServer } from "../../test/TestServer.ts"
import { settings } from "./settings.ts"

/** Whose request the log says it was. */
const loggedAddress = Effect.fnUntraced(function* (forwarded: string) {
  const server = yield* TestServer
  const id = randomUUID()
  yield* server.ask("GET", "/v1/users/me", { headers: { "x-forwarded-for": forwarded, "x-request-id": id } })
  const [line] = yield* logged(id)
  return line?.["client_address"]
})

/** How much is left of the default limit for whoever asks from there. */
const left = Effect.fnUntraced(function* (forwarded: string) {
  const server = yield* TestServer
  const { headers } = yield* server.ask("GET", "/v1/users/me", { headers: { "x-forwarded-for": forwarded } })
  return Number(/;r=(\d+);/u.exec(headers.get("ratelimit") ?? "")?.[1])
})

/** Tests come from this machine. */
const socket = /^(?:127\.0\.0\.1|::1)$/u

layer(TestServer.layer, { excludeTestServices: true })("without trusted proxies, the client's address", (it) => {
  it.effect("is that of the socket, whatever the client says", () =>
    Effect.gen(function* () {
      assert.match(String(yield* loggedAddress("203.0.113.7")), socket)
      const before = yield* left("203.0.113.7")
      assert.strictEqual(yield* left("203.0.113.8"), before - 1)
    })
  )
})

const behind = { TRUSTED_PROXIES: "127.0.0.1, ::1, 10.0.0.0/8, fd00::/8" }

layer(TestServer.layerWith({ settings: behind }), { excludeTestServices: true })("behind a proxy", (it) => {
  for (const [forwarded, address] of [
    ["203.0.113.7", "203.0.113.7"],
    ["6.6.6.6, 203.0.113.7", "203.0.113.7"],
    ["6.6.6.6, 203.0.113.7, 10.1.2.3, fd00::5", "203.0.113.7"],
    ["10.0.0.9, 10.0.0.8", "10.0.0.9"],
    ["203.0.113.7:4711", "203.0.113.7"],
    ["::ffff:203.0.113.7", "203.0.113.7"],
    ["2001:DB8:0:0::1", "2001:db8::1"]
  ] as const)
    it.effect(`the address of "${forwarded}" is ${address}`, () =>
      Effect.map(loggedAddress(forwarded), (logged) => assert.strictEqual(logged, address))
    )

  for (const forwarded of ["unknown", "203.0.113.7, nonsense", ""])
    it.effect(`the address of "${forwarded}" is that of the proxy, because nobody can know better`, () =>
      Effect.map(loggedAddress(forwarded), (logged) => assert.match(String(logged), socket))
    )

  it.effect("what is limited is an address of IPv4, 64 bits of IPv6", () =>
    Effect.gen(function* () {
      const full = yield* left("198.51.100.1")
      assert.strictEqual(yield* left("198.51.100.2"), full)
      assert.strictEqual(yield* left("6.6.6.6, ::ffff:198.51.100.1"), full - 1)
      assert.strictEqual(yield* left("2001:db8:1:2::1"), full)
      assert.strictEqual(yield* left("2001:db8:1:2:3:4:5:6"), full - 1)
      assert.strictEqual(yield* left("2001:db8:1:3::1"), full)
    })
  )
})

describe("the proxies that are trusted", () => {
  const read = (TRUSTED_PROXIES: string) =>
    settings.trustedProxies.config.parse(ConfigProvider.fromUnknown({ TRUSTED_PROXIES }))

  it.effect("may be none", () => Effect.map(read(" "), (networks) => assert.deepStrictEqual(networks, [])))

  it.effect("are addresses and networks", () =>
    Effect.map(read("10.0.0.0/8,192.0.2.1, ::1,::ffff:192.0.2.2"), (networks) =>
      assert.deepStrictEqual(networks.map(IpNetwork.format), ["10.0.0.0/8", "192.0.2.1/32", "::1/128", "192.0.2.2/32"])
    )
  )

  for (const text of ["proxy.example.com", "10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/8; ::1", "*"])
    it.effect(`are not "${text}"`, () =>
      Effect.map(Effect.exit(read(text)), ({ _tag }) => assert.strictEqual(_tag, "Failure"))
    )
})
