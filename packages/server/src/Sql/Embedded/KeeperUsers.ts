import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { type Server, type Socket, createServer } from "node:net"
import { type EmbeddedPostgresError, failure } from "./EmbeddedPostgresError.ts"
import { Attach, Reply, onLine } from "./KeeperProtocol.ts"

export interface KeeperUsers {
  readonly port: number
  /** Completes when the first one is here. */
  readonly arrived: Effect.Effect<void>
  /** Tells everyone who is here, and everyone who comes later. */
  readonly tell: (reply: Reply) => Effect.Effect<void>
  /**
   * Completes when nobody has been here for as long as the last one to leave had asked for. From then on nobody is
   * let in.
   */
  readonly left: Effect.Effect<void>
}

/** For a first user which died before it came. */
const firstLingerMillis = 10_000

const decodeAttach = Schema.decodeUnknownOption(Attach)
const encodeReply = Schema.encodeSync(Reply)

/** The side of the keeper that the users see: who is connected, and what they are told. */
export const open = (token: string): Effect.Effect<KeeperUsers, EmbeddedPostgresError, Scope.Scope> =>
  Effect.gen(function* () {
    const connections = new Set<Socket>()
    const users = new Set<Socket>()
    const arrived = yield* Deferred.make<void>()
    const left = yield* Deferred.make<void>()
    let reply: Reply = { _tag: "Starting" }
    let closing: NodeJS.Timeout | undefined
    let lastToLeave: Socket | undefined

    const closeAfter = (millis: number) => {
      closing = setTimeout(() => Deferred.doneUnsafe(left, Effect.void), millis)
    }
    const enter = (socket: Socket, lingerMillis: number) => {
      clearTimeout(closing)
      lastToLeave?.end()
      users.add(socket)
      Deferred.doneUnsafe(arrived, Effect.void)
      socket.write(`${encodeReply(reply)}\n`)
      const leave = () => {
        if (!users.delete(socket)) return
        if (users.size === 0) closeAfter(lingerMillis)
        // Who leaves wants to know when it is over. If nothing lingers that is when PostgreSQL has stopped, and this
        // process closes everything.
        if (users.size === 0 && lingerMillis === 0) lastToLeave = socket
        else socket.end()
      }
      socket.once("end", leave).once("close", leave)
    }
    const server = yield* listen((socket) => {
      connections.add(socket)
      socket.once("close", () => connections.delete(socket))
      socket.once("end", () => users.has(socket) || socket === lastToLeave || socket.end())
      onLine(socket, (line) => {
        const attach = Option.filter(decodeAttach(line), (attach) => attach.token === token)
        if (Option.isNone(attach) || Deferred.isDoneUnsafe(left)) socket.destroy()
        else if (!users.has(socket)) enter(socket, attach.value.lingerMillis)
      })
    })
    closeAfter(firstLingerMillis)
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        clearTimeout(closing)
        for (const connection of connections) connection.destroySoon()
      })
    )
    return {
      port: server.port,
      arrived: Deferred.await(arrived),
      tell: (next) =>
        Effect.sync(() => {
          reply = next
          for (const user of users) user.write(`${encodeReply(next)}\n`)
        }),
      left: Deferred.await(left)
    }
  })

const listen = (onConnection: (socket: Socket) => void) =>
  Effect.acquireRelease(
    Effect.callback<{ readonly server: Server; readonly port: number }, EmbeddedPostgresError>((resume) => {
      const server = createServer({ allowHalfOpen: true }, onConnection)
      server.once("error", (cause) =>
        resume(Effect.fail(failure(`the keeper cannot listen on 127.0.0.1: ${cause.message}`)))
      )
      server.listen({ host: "127.0.0.1", port: 0 }, () => {
        const address = server.address()
        const port = typeof address === "object" ? address?.port : undefined
        resume(
          port === undefined ? Effect.die(new Error("a TCP server without a port")) : Effect.succeed({ server, port })
        )
      })
    }),
    ({ server }) => Effect.sync(() => server.close())
  )
