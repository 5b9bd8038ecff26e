/** A database at the end of a wire that a test can cut, freeze and mend. */
import { PgClient } from "@effect/sql-pg"
import { Context, type Duration, Effect, Layer, Redacted } from "effect"
import { connect, createServer, type Socket } from "node:net"
import * as BoundedClient from "../src/Sql/BoundedClient.ts"
import { Metrics } from "../src/Telemetry/Metrics.ts"
import * as TestDatabase from "./TestDatabase.ts"

export class Wire extends Context.Service<
  Wire,
  {
    /** The address of the database through the wire. */
    readonly url: Redacted.Redacted
    /** Its address past the wire. */
    readonly directUrl: Redacted.Redacted
    /** Connections break, and new ones are refused. */
    readonly cut: Effect.Effect<void>
    /** Connections stay, but nothing comes through any more. */
    readonly freeze: Effect.Effect<void>
    /** New connections come through again. */
    readonly mend: Effect.Effect<void>
  }
>()("@parley/server/test/Wire") {}

const forward = (host: string, port: number) =>
  Effect.gen(function* () {
    let state: "mended" | "cut" | "frozen" = "mended"
    const sockets = new Set<Socket>()
    const keep = (socket: Socket) => {
      sockets.add(socket)
      return socket.on("close", () => sockets.delete(socket)).on("error", () => socket.destroy())
    }
    const server = createServer((client) => {
      if (state === "cut") return void client.destroy()
      keep(client)
      if (state === "frozen") return
      const upstream = keep(connect(port, host))
      client.pipe(upstream).pipe(client)
      client.on("close", () => upstream.destroy())
      upstream.on("close", () => client.destroy())
    })
    const become = (next: typeof state, each: (socket: Socket) => void) =>
      Effect.sync(() => {
        state = next
        sockets.forEach(each)
      })
    yield* Effect.acquireRelease(
      Effect.callback<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void))),
      () =>
        Effect.callback<void>((resume) => {
          for (const socket of sockets) socket.destroy()
          server.close(() => resume(Effect.void))
        })
    )
    const address = server.address()
    return {
      port: typeof address === "object" && address !== null ? address.port : 0,
      cut: become("cut", (socket) => socket.destroy()),
      freeze: become("frozen", (socket) => socket.unpipe().pause()),
      mend: become("mended", () => {})
    }
  })

export const layer = Layer.effect(
  Wire,
  Effect.gen(function* () {
    const database = yield* TestDatabase.make
    const url = new URL(Redacted.value(database.url))
    const { port, ...wire } = yield* forward(url.hostname, Number(url.port))
    url.port = String(port)
    return Wire.of({ ...wire, url: Redacted.make(url.href), directUrl: database.url })
  })
)

/** The pool at this end of the wire, which stays open. */
const layerPoolOn = (options: { readonly multiplex: boolean; readonly answerTimeout: Duration.Input }) =>
  BoundedClient.layerFrom(
    Effect.flatMap(Wire, ({ url }) => BoundedClient.make({ url, maxConnections: 3, ...options }))
  ).pipe(Layer.provide(Metrics.layer))

/** For `TestServer.layerWith`: with the wire. */
export const layerPool = (options: Parameters<typeof layerPoolOn>[0]) => layerPoolOn(options).pipe(Layer.provide(layer))

/** At the end of a wire that the test has. */
export const layerDatabaseOf = (wire: Wire["Service"], answerTimeout: Duration.Input = "5 seconds") =>
  Layer.fresh(layerPoolOn({ multiplex: true, answerTimeout })).pipe(Layer.provide(Layer.succeed(Wire, wire)))

export const layerDatabase = layerPool({ multiplex: true, answerTimeout: "5 seconds" })

/** As it is set up behind a pooler. */
export const layerDatabaseUnprepared = layerPool({ multiplex: false, answerTimeout: "5 seconds" })

/** The wire, and a pool that does not go through it. */
export const layerDirect = PgClient.layerFrom(
  Effect.flatMap(Wire, ({ directUrl }) => PgClient.make({ url: directUrl, maxConnections: 3, multiplex: true }))
).pipe(Layer.provideMerge(layer))
