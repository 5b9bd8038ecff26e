import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as StubSearch from "../../../test/StubSearch.ts"
import { execute, failure } from "../../../test/TestSearch.ts"
import { agentOptions, isPublic } from "./PublicNetwork.ts"

/** Of most ranges the first and the last. */
const others: ReadonlyArray<readonly [string, ReadonlyArray<string>]> = [
  ["unspecified", ["0.0.0.0", "0.255.255.255", "::"]],
  ["private", ["10.0.0.0", "10.255.255.255", "172.16.0.0", "172.31.255.255", "192.168.0.0", "192.168.255.255"]],
  ["private in IPv6", ["fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "fec0::1"]],
  ["of a carrier's NAT", ["100.64.0.0", "100.127.255.255"]],
  ["loopback", ["127.0.0.0", "127.255.255.255", "::1"]],
  ["link-local", ["169.254.0.0", "169.254.169.254", "169.254.255.255", "fe80::1", "fe80::1%eth0", "febf::1"]],
  ["for protocols", ["192.0.0.0", "192.0.0.255", "192.88.99.1", "198.18.0.0", "198.19.255.255", "2001:1ff::1"]],
  ["for documents", ["192.0.2.1", "198.51.100.1", "203.0.113.255", "2001:db8::1", "3fff::1"]],
  ["multicast", ["224.0.0.0", "239.255.255.255", "ff02::1"]],
  ["reserved", ["240.0.0.0", "255.255.255.255", "4000::", "100::1", "200::1", "400::1", "800::1", "1fff::1"]],
  ["IPv4 in IPv6", ["::ffff:127.0.0.1", "::ffff:a00:1", "::10.0.0.1", "::ffff:0:10.0.0.1", "2002:a00:1::1"]],
  ["NAT64", ["64:ff9b::10.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b::7f00:1", "64:ff9b:1::808:808"]],
  ["no address", ["", "localhost", "127.1", "2130706433", "[::1]", "8.8.8.8:80"]]
]

/** Beside those. */
const publics: ReadonlyArray<string> = [
  ["1.0.0.0", "9.255.255.255", "11.0.0.0", "172.15.255.255", "172.32.0.0", "192.167.255.255", "192.169.0.0"],
  ["100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0", "169.253.255.255", "169.255.0.0"],
  ["192.0.1.255", "192.0.3.0", "198.17.255.255", "198.20.0.0", "203.0.112.255", "203.0.114.0", "223.255.255.255"],
  ["2001:200::1", "2606:4700::1111", "2a00::1", "3ffe::1", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8"]
].flat()

describe("an address", () => {
  for (const [kind, addresses] of others)
    it(`is not public that is ${kind}`, () => {
      for (const address of addresses) assert.isFalse(isPublic(address), address)
    })

  it("is public otherwise", () => {
    for (const address of publics) assert.isTrue(isPublic(address), address)
  })
})

describe("a look-up", () => {
  const lookup = (hostname: string) =>
    Effect.callback<unknown>((resume) =>
      agentOptions.lookup(hostname, {}, (error, found) => resume(Effect.succeed(error?.message ?? found)))
    )

  it.effect("gives what is public", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* lookup("8.8.8.8"), [{ address: "8.8.8.8", family: 4 }])
      assert.strictEqual(yield* lookup("localhost"), "localhost has no public address")
    })
  )
})

const unreachable = "The search engine cannot be reached"

describe("the web search by default", () => {
  it.effect.each(
    [
      "127.0.0.1",
      "2130706433",
      "0x7f000001",
      "0177.1",
      "127.0.0.1.",
      "0.0.0.0",
      "[::ffff:127.0.0.1]",
      "localhost"
    ].flatMap((host) => [`http://${host}`, `https://${host}`])
  )("does not connect to %s", (origin) =>
    Effect.gen(function* () {
      const engine = yield* StubSearch.make(StubSearch.json({ results: [] }))
      const url = `${origin}:${engine.port}/search?q={query}`
      const { log, reason } = yield* failure(execute({ WEB_SEARCH_URL: url }, "otters"))
      assert.strictEqual(reason, unreachable)
      assert.match(log, /is a private address|localhost has no public address/u)
      assert.strictEqual(yield* engine.connections, 0)
      // The very same address is reached when it is allowed.
      const allowed = execute({ WEB_SEARCH_URL: url, WEB_SEARCH_ALLOW_PRIVATE: "true" }, "otters")
      yield* Effect.result(allowed)
      assert.isAbove(yield* engine.connections, 0)
    })
  )

  it.effect.each(["[::1]", "10.1.2.3", "169.254.169.254", "[fd00::1]", "[64:ff9b::a9fe:a9fe]"])(
    "does not even try http://%s",
    (host) =>
      Effect.gen(function* () {
        const { log, reason } = yield* failure(execute({ WEB_SEARCH_URL: `http://${host}/?q={query}` }, "otters"))
        assert.strictEqual(reason, unreachable)
        assert.include(log, "is a private address")
      })
  )
})
