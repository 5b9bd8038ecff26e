import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Exit, Fiber, Option } from "effect"
import { gzipSync } from "node:zlib"
import * as HeldClock from "../../../test/HeldClock.ts"
import * as StubSearch from "../../../test/StubSearch.ts"
import { failure, search } from "../../../test/TestSearch.ts"
import { layerConfig } from "../../../test/TestServer.ts"
import { settings } from "../settings.ts"
import * as WebSearch from "./WebSearch.ts"

const unreachable = "The search engine cannot be reached"
const unreadable = "The search engine gave an answer that cannot be read"
const nothing = StubSearch.json({ results: [] })

describe("the web search", () => {
  it.effect("is not there unless it is configured", () =>
    Effect.map(WebSearch.make, (tool) => assert.isTrue(Option.isNone(tool))).pipe(Effect.provide(layerConfig()))
  )

  it.effect.each([
    ["https://searx.example.org/search?q={query}&format=json", true],
    ["http://localhost:8080/?format=json&q={query}+site:example.org", true],
    ["https://searx.example.org/search?q=otters", false],
    ["https://searx.example.org/{query}?format=json", false],
    ["https://{query}/search", false],
    ["https://searx.example.org/#{query}", false],
    ["ftp://searx.example.org/?q={query}", false],
    ["file:///etc/passwd?{query}", false],
    ["searx.example.org/?q={query}", false]
  ] as const)("may be at %s: %s", ([WEB_SEARCH_URL, isGood]) =>
    Effect.gen(function* () {
      const read = yield* Effect.exit(Effect.provide(settings.webSearchUrl.config, layerConfig({ WEB_SEARCH_URL })))
      assert.strictEqual(Exit.isSuccess(read), isGood)
    })
  )

  it.effect("tells what the engine found", () =>
    Effect.gen(function* () {
      const engine = yield* StubSearch.make(
        StubSearch.json({ results: [{ title: "Otter", url: "https://otter.example/", content: "It swims." }] })
      )
      assert.strictEqual(yield* search(engine), "1. Otter\n   https://otter.example/\n   It swims.")
    })
  )

  it.effect.each(["a&b=c#d", "../..?x=%2e{query}", "http://10.0.0.1/@host", "$& ü 水 \r\nX: y", "half \ud83d"])(
    "sends the query %j as data, and nothing else",
    (query) =>
      Effect.gen(function* () {
        const engine = yield* StubSearch.make(nothing)
        assert.strictEqual(yield* search(engine, query), "No results")
        const { request, query: arrived } = yield* engine.next
        const { pathname, searchParams } = new URL(request.url ?? "", engine.url)
        assert.strictEqual(pathname, "/search")
        assert.deepStrictEqual(
          [...searchParams],
          [
            ["q", query.toWellFormed()],
            ["format", "json"]
          ]
        )
        assert.strictEqual(arrived, query.toWellFormed())
        assert.strictEqual(request.headers.host, `127.0.0.1:${engine.port}`)
        assert.sameMembers(Object.keys(request.headers), [
          "host",
          "accept",
          "accept-encoding",
          "user-agent",
          "connection"
        ])
      })
  )

  it.effect.each(["", "x".repeat(401)])("refuses the query %j in words, and asks nobody", (query) =>
    Effect.gen(function* () {
      const engine = yield* StubSearch.make(nothing)
      const { reason } = yield* failure(search(engine, query))
      assert.isTrue(reason?.startsWith("Invalid arguments"), reason)
      assert.strictEqual(yield* engine.connections, 0)
    })
  )

  it.effect(
    "closes its connection after each answer, read or not",
    () =>
      Effect.gen(function* () {
        const engine = yield* StubSearch.make((search) => {
          if (search.query === "fine") nothing(search)
          // An error with a body that never ends.
          else search.response.writeHead(500).write("x")
        })
        yield* search(engine, "fine")
        yield* failure(search(engine, "bad"))
        for (const { closed } of [yield* engine.next, yield* engine.next]) yield* closed
      }),
    // The garbage collector would close it too, after some seconds.
    3000
  )

  it.effect("closes its connection at once when it is interrupted", () =>
    Effect.gen(function* () {
      const engine = yield* StubSearch.make(({ query, response }) => {
        if (query === "half") response.write('{"results":')
      })
      for (const query of ["nothing", "half"]) {
        const searching = yield* Effect.forkChild(search(engine, query))
        const { closed } = yield* engine.next
        yield* Fiber.interrupt(searching)
        yield* closed
        assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(searching)))
      }
    })
  )
})

describe("the web search fails in words", () => {
  it.effect.each([
    ["answers with an error", 500, "secret stack", "The search engine answered with status 500"],
    ["wants no more", 429, "", "The search engine answered with status 429"],
    ["answers with no JSON", 200, "<html>secret", unreadable],
    ["answers with nothing", 200, "", unreadable],
    ["answers with something else", 200, '{"error":"secret"}', unreadable],
    ["answers with another shape", 200, '{"results":[{"title":{"secret":1}}]}', unreadable],
    ["answers with deep nesting", 200, `{"results":${"[".repeat(500_000)}`, unreadable]
  ] as const)("when the engine %s", ([, status, body, expected]) =>
    Effect.gen(function* () {
      const engine = yield* StubSearch.make(({ response }) => response.writeHead(status).end(body))
      const { log, reason } = yield* failure(search(engine))
      assert.strictEqual(reason, expected)
      assert.include(log, `web search failed: ${expected}`)
      assert.notInclude(log, "otters")
    })
  )

  it.effect("when nobody is there, and only the log says where", () =>
    Effect.gen(function* () {
      const { port, url } = yield* Effect.scoped(StubSearch.make(nothing))
      const { log, reason } = yield* failure(search({ url }))
      assert.strictEqual(reason, unreachable)
      assert.include(log, `127.0.0.1:${port}`)
    })
  )

  it.effect("when the engine goes away in the middle", () =>
    Effect.gen(function* () {
      const engine = yield* StubSearch.make(({ response }) => {
        response.write('{"results":', () => response.destroy())
      })
      assert.strictEqual((yield* failure(search(engine))).reason, unreachable)
    })
  )

  it.effect.each(["says nothing", "stops half-way"])("after 10 seconds when the engine %s", (how) =>
    Effect.gen(function* () {
      const engine = yield* StubSearch.make(({ response }) => {
        if (how === "stops half-way") response.write('{"results":')
      })
      const held = yield* HeldClock.make
      const searching = yield* failure(search(engine)).pipe(
        Effect.provideService(Clock.Clock, held.clock),
        Effect.forkChild
      )
      const { closed } = yield* engine.next
      yield* held.asleep((millis) => millis === 10_000)
      yield* held.pass("9999 millis")
      assert.isUndefined(searching.pollUnsafe())
      yield* held.pass("1 millis")
      assert.strictEqual((yield* Fiber.join(searching)).reason, "The search engine did not answer within 10 seconds")
      yield* closed
    })
  )

  it.effect.each(["chunked", "with its length"])("when the engine answers with more than 1 MiB, %s", (how) =>
    Effect.gen(function* () {
      let sent = 0
      const engine = yield* StubSearch.make(({ response }) => {
        response.writeHead(200, how === "chunked" ? {} : { "content-length": String(2 ** 40) })
        const more = () => {
          while (!response.destroyed && response.write(" ".repeat(65_536))) sent += 65_536
        }
        response.on("drain", more)
        more()
      })
      assert.strictEqual((yield* failure(search(engine))).reason, "The search engine answered with too much")
      yield* (yield* engine.next).closed
      // What was on its way when it stopped reading.
      assert.isBelow(sent, 64 * 1_048_576)
    })
  )

  it.effect("reads an answer of just 1 MiB", () =>
    Effect.gen(function* () {
      const engine = yield* StubSearch.make(({ response }) => response.end('{"results":[]}'.padEnd(1_048_576)))
      assert.strictEqual(yield* search(engine), "No results")
    })
  )

  it.effect("when the engine compresses its answer, which is not unpacked", () =>
    Effect.gen(function* () {
      const bomb = gzipSync(JSON.stringify({ results: [], padding: "x".repeat(50 * 1_048_576) }))
      assert.isBelow(bomb.length, 1_048_576)
      const engine = yield* StubSearch.make(({ response }) =>
        response.writeHead(200, { "content-encoding": "gzip", "content-type": "application/json" }).end(bomb)
      )
      assert.strictEqual((yield* failure(search(engine))).reason, unreadable)
      assert.strictEqual((yield* engine.next).request.headers["accept-encoding"], "identity")
    })
  )

  it.effect.each([301, 302, 303, 307, 308])("when the engine sends it elsewhere with status %i", (status) =>
    Effect.gen(function* () {
      const elsewhere = yield* StubSearch.make(nothing)
      const engine = yield* StubSearch.make(({ response }) =>
        response.writeHead(status, { location: elsewhere.url }).end()
      )
      assert.strictEqual((yield* failure(search(engine))).reason, `The search engine answered with status ${status}`)
      assert.strictEqual(yield* elsewhere.connections, 0)
    })
  )
})
