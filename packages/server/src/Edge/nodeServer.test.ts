import { assert, layer } from "@effect/vitest"
import { Effect, Schedule } from "effect"
import * as NodeTestServer from "../../test/NodeTestServer.ts"
import * as RawConnection from "../../test/rawConnection.ts"

const { short } = NodeTestServer

const open = (manners?: RawConnection.Manners) =>
  Effect.flatMap(NodeTestServer.NodeTestServer, ({ port }) => RawConnection.make(port, manners))

const get = (path: string, more = "") => `GET ${path} HTTP/1.1\r\nHost: x\r\n${more}\r\n`

/** Sends a letter again and again, as if there were no end of them. */
const drip = ({ write }: RawConnection.RawConnection, letter: string) =>
  Effect.forkScoped(Effect.repeat(write(letter), Schedule.spaced("20 millis")))

const fetchRoot = Effect.gen(function* () {
  const { port } = yield* NodeTestServer.NodeTestServer
  return yield* Effect.promise((signal) => fetch(`http://127.0.0.1:${port}/`, { signal }).then((found) => found.text()))
})

layer(NodeTestServer.layer, { excludeTestServices: true })("a connection", (it) => {
  it.effect("on which nothing comes is closed without a word when headers are due", () =>
    Effect.gen(function* () {
      const { millis, text } = yield* (yield* open()).closed
      assert.strictEqual(text, "")
      assert.isAtLeast(millis, short.headersMillis - 50)
    })
  )

  it.effect("on which headers come letter by letter is closed when they are due", () =>
    Effect.gen(function* () {
      const connection = yield* open({ ends: false })
      yield* connection.write("GET / HTTP/1.1\r\nX-Slow: ")
      yield* drip(connection, "x")
      const { millis, text } = yield* connection.closed
      assert.match(text, /^HTTP\/1\.1 408 Request Timeout\r\n/u)
      assert.isTrue(text.endsWith('\r\n\r\n{"detail":"Request timed out"}'))
      assert.isAtLeast(millis, short.headersMillis - 50)
    })
  )

  it.effect("on which a body comes letter by letter is closed when the request is due", () =>
    Effect.gen(function* () {
      const connection = yield* open({ ends: false })
      yield* connection.write(
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9999\r\n\r\n"
      )
      yield* drip(connection, " ")
      const { millis, text } = yield* connection.closed
      assert.match(text, /^HTTP\/1\.1 408 Request Timeout\r\n/u)
      assert.isAtLeast(millis, short.requestMillis - 50)
    })
  )

  it.effect("is kept for a while for the next request, and closed when there is none, nor a whole one", () =>
    Effect.gen(function* () {
      const rest = Effect.fnUntraced(function* (more: string) {
        const connection = yield* open()
        yield* connection.write(get("/"))
        yield* connection.received.pipe(
          Effect.repeat({ until: (text) => text.endsWith("fine"), schedule: Schedule.spaced(5) })
        )
        yield* connection.write(more)
        const { millis } = yield* connection.closed
        assert.isAtLeast(millis, short.idleMillis, JSON.stringify(more))
      })
      yield* Effect.forEach(["", "\r\n", "GE"], rest, { concurrency: "unbounded" })
    })
  )

  it.effect("is kept while its answer is prepared, however long that takes", () =>
    Effect.gen(function* () {
      const connection = yield* open()
      yield* connection.write(get("/slow", "Connection: close\r\n"))
      const { text } = yield* connection.closed
      assert.match(text, /^HTTP\/1\.1 200 OK\r\n[^]*at last$/u)
    })
  )

  it.effect("from which nobody reads is closed, also when its answer was long in coming", () =>
    Effect.gen(function* () {
      const { ended } = yield* NodeTestServer.NodeTestServer
      for (const path of ["/large", "/slow-large"]) {
        const connection = yield* open({ reads: false })
        yield* connection.write(get(path))
        yield* ended
      }
    })
  )

  it.effect("from which nobody reads a stream is closed, and no more of it is made than the way takes", () =>
    Effect.gen(function* () {
      const { ended } = yield* NodeTestServer.NodeTestServer
      const connection = yield* open({ reads: false })
      yield* connection.write(get("/flood"))
      // What the kernel buffers on both ends.
      assert.isBelow((yield* ended).bytes, 32 * 1024 * 1024)
    })
  )

  it.effect("is one of thousands that idle: all are closed, and whoever asks meanwhile is answered", () =>
    Effect.gen(function* () {
      const connections = yield* Effect.forEach(Array.from({ length: 2000 }), () => open(), { concurrency: 200 })
      yield* Effect.forEach(connections, ({ write }, index) => (index % 2 === 0 ? write("GET / HT") : Effect.void))
      for (let asked = 0; asked < 20; asked++) assert.strictEqual(yield* fetchRoot, "fine")
      for (const { closed } of connections) yield* closed
      assert.strictEqual(yield* fetchRoot, "fine")
    })
  )

  it.effect("cannot become another than one of requests and answers", () =>
    Effect.gen(function* () {
      const connection = yield* open()
      yield* connection.write(get("/", "Connection: Upgrade\r\nUpgrade: websocket\r\n"))
      const { text } = yield* connection.closed
      assert.match(text, /^HTTP\/1\.1 200 OK\r\n/u)
    })
  )

  it.effect("on which something unheard-of is expected gets an answer like any other", () =>
    Effect.gen(function* () {
      const connection = yield* open()
      yield* connection.write(get("/", "Expect: a miracle\r\nConnection: close\r\n"))
      const { text } = yield* connection.closed
      assert.match(text, /^HTTP\/1\.1 200 OK\r\n/u)
      assert.match(text, /\r\nx-request-id: /u)
    })
  )
})
