import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import { readFile } from "node:fs/promises"
import { type Socket, connect as connectSocket } from "node:net"
import { attempt, failure } from "./EmbeddedPostgresError.ts"
import { Address, Attach, NoKeeper, Reply, onLine, paths } from "./KeeperProtocol.ts"
import * as KeeperProcess from "./KeeperProcess.ts"
import { hold, tryHold } from "./Lock.ts"

export interface Options {
  readonly dataDir: string
  readonly durable: boolean
  readonly lingerMillis: number
}

/** One use of the database, for as long as the scope is open. */
export interface Attachment {
  readonly url: string
  readonly cluster: string
  readonly started: boolean
  /** Completes when the keeper is gone: killed, or PostgreSQL ended. */
  readonly gone: Effect.Effect<void>
}

const patience = "60 seconds"

/** Finds the keeper of this data directory, or starts one, and waits until PostgreSQL takes connections. */
export const attach = Effect.fn("EmbeddedPostgres.attach")(
  function* (options: Options) {
    const { replies, socket, spawned } = yield* findKeeper(options)
    const reply = yield* Queue.take(replies).pipe(
      Effect.repeat({ until: (reply) => reply._tag !== "Starting" }),
      // The keeper limits each step and reports; this is for one that is stopped in a debugger, say.
      Effect.timeoutOrElse({
        duration: "5 minutes",
        orElse: () => Effect.fail(failure("the process that keeps PostgreSQL has not got it ready in 5 minutes"))
      })
    )
    if (reply._tag === "Failed") return yield* failure(reply.message)
    // A program that is otherwise done must be able to end.
    socket.unref()
    const attachment: Attachment = {
      url: reply.url,
      cluster: reply.cluster,
      started: spawned !== undefined && reply.startedBy === spawned,
      gone: Queue.take(replies).pipe(
        Effect.forever,
        Effect.catchTag("NoKeeper", () => Effect.void)
      )
    }
    return attachment
  },
  // The keeper was killed while starting: another one will do.
  Effect.retry({ times: 3, while: (error) => error._tag === "NoKeeper" }),
  Effect.catchTag("NoKeeper", () =>
    Effect.fail(failure("the process that keeps PostgreSQL ended, again and again, while starting it"))
  )
)

const decodeAddress = Schema.decodeUnknownOption(Address)
const encodeAttach = Schema.encodeSync(Attach)
const decodeReply = Schema.decodeUnknownOption(Reply)

/** One process at a time looks: of many that start together one starts the keeper, and the others find it. */
const findKeeper = Effect.fnUntraced(function* ({ dataDir, durable, lingerMillis }: Options) {
  const file = paths(dataDir)
  const connectionScope = yield* Effect.scope
  let spawned: number | undefined
  const look = Effect.gen(function* () {
    // The lock, not keeper.json, says whether a keeper lives: the kernel releases it with the process.
    if (yield* Effect.scoped(tryHold(file.keeperLock))) spawned = yield* KeeperProcess.start(dataDir, durable)
    const address = Option.flatMap(yield* readAddress(file.address), decodeAddress)
    if (Option.isNone(address)) return yield* new NoKeeper()
    return yield* Scope.provide(connect(address.value, lingerMillis), connectionScope)
  }).pipe(
    // A keeper that is stopping still has its lock and no longer answers.
    Effect.retry({ schedule: Schedule.spaced("50 millis"), while: (error) => error._tag === "NoKeeper" }),
    Effect.timeoutOrElse({
      duration: patience,
      orElse: () =>
        Effect.fail(
          failure(
            `${file.keeperLock} is held by a process that does not answer (see ${file.address}); is it in another container?`
          )
        )
    })
  )
  const connection = yield* Effect.scoped(Effect.andThen(hold(file.startLock), look))
  return { ...connection, spawned }
})

const readAddress = (path: string) =>
  attempt(`cannot read ${path}`, () =>
    readFile(path, "utf8").catch((cause) => (isMissing(cause) ? "" : Promise.reject(cause)))
  ).pipe(Effect.map((text) => (text === "" ? Option.none<string>() : Option.some(text))))

const isMissing = (cause: unknown): boolean => cause instanceof Error && "code" in cause && cause.code === "ENOENT"

/**
 * Waits for the keeper to hang up too: when nothing lingers it does so after PostgreSQL has stopped, and the data may
 * be removed.
 */
const hangUp = (socket: Socket): Effect.Effect<void> =>
  Effect.callback<void>((resume) => {
    if (socket.closed) return resume(Effect.void)
    socket.ref()
    socket.once("close", () => resume(Effect.void))
    socket.end()
  }).pipe(Effect.timeoutOption(patience), Effect.andThen(Effect.sync(() => socket.destroy())))

const connect = Effect.fnUntraced(function* ({ port, token }: Address, lingerMillis: number) {
  const replies = yield* Queue.unbounded<Reply, NoKeeper>()
  const dial = Effect.sync(() => {
    const socket = connectSocket({ host: "127.0.0.1", port })
    onLine(socket, (line) => Option.map(decodeReply(line), (reply) => Queue.offerUnsafe(replies, reply)))
    socket.once("close", () => Queue.failCauseUnsafe(replies, Cause.fail(new NoKeeper())))
    socket.write(`${encodeAttach({ token, lingerMillis })}\n`)
    return socket
  })
  const socket = yield* Effect.acquireRelease(dial, hangUp)
  // A keeper answers at once. Behind the port of a dead one may be any program by now.
  yield* Queue.peek(replies).pipe(
    Effect.timeoutOrElse({ duration: "2 seconds", orElse: () => Effect.fail(new NoKeeper()) }),
    Effect.tapError(() => Effect.sync(() => socket.destroy()))
  )
  return { replies, socket }
})
