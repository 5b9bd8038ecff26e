/** A wire to PostgreSQL that counts what passes: each statement the database is asked to execute, BEGIN and COMMIT too. */
import { Effect, Layer, Redacted } from "effect"
import { connect, createServer } from "node:net"
import type { Socket } from "node:net"
import * as BoundedClient from "../src/Sql/BoundedClient.ts"
import { Metrics } from "../src/Telemetry/Metrics.ts"
import * as TestDatabase from "./TestDatabase.ts"

/** Of the frontend's messages these execute something: a simple query, and a prepared statement's portal. */
const executing = new Set(["Q", "E"])

/** Reads PostgreSQL's frontend protocol: one message without a type to begin with, then type, length, content. */
const reader = (onMessage: (type: string) => void) => {
  let pending = Buffer.alloc(0)
  let hasStarted = false
  return (bytes: Buffer) => {
    pending = Buffer.concat([pending, bytes])
    while (true) {
      const header = hasStarted ? 1 : 0
      if (pending.length < header + 4) return
      const end = header + pending.readInt32BE(header)
      if (pending.length < end) return
      if (hasStarted) onMessage(pending.toString("latin1", 0, 1))
      // A request for TLS comes before the real start, and is eight bytes long.
      else hasStarted = end !== 8
      pending = pending.subarray(end)
    }
  }
}

export const make = () => {
  let statements = 0
  let bytes = 0

  const tap = Effect.fnUntraced(function* (target: Redacted.Redacted) {
    const url = new URL(Redacted.value(target))
    const port = Number(url.port)
    const { hostname } = url
    const sockets = new Set<Socket>()
    const server = createServer((client) => {
      const upstream = connect({ host: hostname, port, noDelay: true })
      client.setNoDelay(true)
      const read = reader((type) => {
        if (executing.has(type)) statements++
      })
      client.on("data", (chunk: Buffer) => {
        bytes += chunk.length
        read(chunk)
      })
      for (const socket of [client, upstream]) {
        sockets.add(socket)
        socket.on("error", () => {
          client.destroy()
          upstream.destroy()
        })
        socket.on("close", () => sockets.delete(socket))
      }
      client.pipe(upstream)
      upstream.pipe(client)
    })
    yield* Effect.acquireRelease(
      Effect.callback<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void))),
      () =>
        Effect.callback<void>((resume) => {
          server.close(() => resume(Effect.void))
          for (const socket of sockets) socket.destroy()
        })
    )
    const address = server.address()
    url.hostname = "127.0.0.1"
    url.port = String(typeof address === "object" && address !== null ? address.port : 0)
    return Redacted.make(url.href)
  })

  const layer = BoundedClient.layerFrom(
    Effect.gen(function* () {
      const { url } = yield* TestDatabase.make
      return yield* BoundedClient.make({
        url: yield* tap(url),
        maxConnections: 10,
        multiplex: true,
        answerTimeout: "5 seconds"
      })
    })
  ).pipe(Layer.provide(Metrics.layer))

  /** What an effect asked of the database. Nothing else may be at it meanwhile. */
  const count = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    Effect.suspend(() => {
      const before = { statements, bytes }
      return Effect.map(effect, () => ({ statements: statements - before.statements, bytes: bytes - before.bytes }))
    })

  return { layer, count }
}
