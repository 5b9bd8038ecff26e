import * as Schema from "effect/Schema"
import { createInterface } from "node:readline"
import type { Socket } from "node:net"
import { join } from "node:path"

/**
 * How the processes that use a database and its keeper talk: one JSON line from the user, then lines from the keeper,
 * over loopback TCP (a Unix socket's path may have 107 bytes at most, and shared folders of virtual machines have no
 * sockets). The open connection is the use.
 */
export const Attach = Schema.fromJsonString(Schema.Struct({ token: Schema.String, lingerMillis: Schema.Finite }))

export const Reply = Schema.fromJsonString(
  Schema.Union([
    Schema.TaggedStruct("Starting", {}),
    Schema.TaggedStruct("Ready", {
      url: Schema.String,
      cluster: Schema.String,
      /** The keeper which started PostgreSQL for this; absent when it took over one that was running. */
      startedBy: Schema.optionalKey(Schema.Int)
    }),
    Schema.TaggedStruct("Failed", { message: Schema.String })
  ])
)
export type Reply = typeof Reply.Type

/** `keeper.json`: where the keeper listens; only who may read the file knows the token. */
export const Address = Schema.fromJsonString(Schema.Struct({ port: Schema.Int, token: Schema.String, pid: Schema.Int }))
export type Address = typeof Address.Type

/** No keeper answers: it was killed, it is stopping, or another one is about to start. */
export class NoKeeper extends Schema.TaggedError<NoKeeper>()("NoKeeper", {}) {}

/** The keeper's exit code when another keeper has the data. */
export const keeperBusy = 75

export const paths = (dataDir: string) => ({
  cluster: join(dataDir, "cluster"),
  log: join(dataDir, "postgres.log"),
  address: join(dataDir, "keeper.json"),
  /** Held by the keeper for its whole life. */
  keeperLock: join(dataDir, "keeper.lock"),
  /** Held by the one process which is looking for a keeper or starting one. */
  startLock: join(dataDir, "start.lock")
})

export const onLine = (socket: Socket, handle: (line: string) => void): void => {
  // A lost connection is handled where the socket closes.
  socket.on("error", () => {})
  createInterface({ input: socket })
    .on("line", handle)
    .on("error", () => {})
}
