/** Connections as no HTTP client makes them: bytes at the test's pace, read or not. */
import { Clock, Deferred, Effect } from "effect"
import { connect } from "node:net"

export interface RawConnection {
  /** Waits until the bytes are on their way, or cannot be any more. */
  readonly write: (bytes: string | Uint8Array) => Effect.Effect<void>
  /** What has come back so far. */
  readonly received: Effect.Effect<string>
  /** Waits until the server has closed; gives what came back, and after how many milliseconds from the first. */
  readonly closed: Effect.Effect<{ readonly text: string; readonly millis: number }>
}

export interface Manners {
  /** False takes nothing off the wire, and so does not see the end either. */
  readonly reads?: boolean
  /** False goes on sending when the server has ended: it must close. */
  readonly ends?: boolean
}

/** Open until the server closes it or the scope ends. */
export const make = Effect.fnUntraced(function* (port: number, { ends = true, reads = true }: Manners = {}) {
  const closed = yield* Deferred.make<void>()
  let text = ""
  const socket = yield* Effect.acquireRelease(
    Effect.callback<ReturnType<typeof connect>>((resume) => {
      const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: !ends })
      socket.setEncoding("utf8").once("connect", () => resume(Effect.succeed(socket)))
      // A reset is a way to close.
      socket.on("error", () => {})
      socket.on("close", () => Deferred.doneUnsafe(closed, Effect.void))
      if (reads) socket.on("data", (piece: string) => (text += piece))
    }),
    (socket) => Effect.sync(() => socket.destroy())
  )
  const startedAt = yield* Clock.currentTimeMillis
  const connection: RawConnection = {
    write: (bytes) =>
      Effect.callback((resume) => {
        if (socket.writable) socket.write(bytes, () => resume(Effect.void))
        else resume(Effect.void)
      }),
    received: Effect.sync(() => text),
    closed: Deferred.await(closed).pipe(
      Effect.andThen(Clock.currentTimeMillis),
      Effect.map((now) => ({ text, millis: now - startedAt }))
    )
  }
  return connection
})
