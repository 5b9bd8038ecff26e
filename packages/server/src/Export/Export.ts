import { Exported, ExportedLogin, ExportedUsage } from "@parley/domain/Export"
import { Message, type MessageCursor, Session, type SessionCursor } from "@parley/domain/Sessions"
import { type FamilyId, Unauthorized, type UserId } from "@parley/domain/Users"
import { Context, DateTime, Effect, Layer, Option, Schema, Stream, Struct } from "effect"
import { AgentMemory } from "../Agent/AgentMemory.ts"
import { Auth } from "../Auth/Auth.ts"
import * as Audit from "../Auth/audit.ts"
import { isUnexpected, unexpected } from "../Edge/Boundary.ts"
import { Sessions } from "../Sessions/Sessions.ts"
import { Usage, type UsagePosition } from "../Usage/Usage.ts"
import { Users } from "../Users/Users.ts"

/** Items of one read: a hundred long messages have megabytes. */
const limit = 100

/**
 * Everything that is held about a person. It is read page by page as it is asked for: of a large document one page is in
 * memory at a time, and between pages no connection is held, however slowly somebody reads.
 */
export class Export extends Context.Service<
  Export,
  {
    /** An `Exported` as JSON. What fails in the middle ends the stream in a defect, and so the connection. */
    readonly of: (userId: UserId) => Effect.Effect<Stream.Stream<Uint8Array>, Unauthorized>
  }
>()("@parley/server/Export") {
  static readonly layer = Layer.effect(
    Export,
    Effect.gen(function* () {
      const audit = yield* Audit.make
      const users = yield* Users
      const auth = yield* Auth
      const sessions = yield* Sessions
      const usage = yield* Usage
      const memory = yield* AgentMemory

      const logins = (userId: UserId) =>
        Stream.paginate(first<FamilyId>(), (after) =>
          Effect.map(auth.logins(userId, after), (items) => [items, Option.fromNullishOr(items.at(-1)?.id)] as const)
        )

      const messages = (userId: UserId, { session_id }: Session) =>
        Stream.paginate(first<MessageCursor>(), (cursor) =>
          sessions.messages(userId, session_id, { limit, ...(cursor === undefined ? {} : { cursor }) }).pipe(
            Effect.map(({ items, next_cursor }) => [items, Option.fromNullOr(next_cursor)] as const),
            // Deleted since it was listed.
            Effect.catchTag("SessionNotFound", () => Effect.succeed([[], Option.none<MessageCursor>()] as const))
          )
        )

      const session = (userId: UserId, session: Session) =>
        Stream.unwrap(
          Effect.map(memory.summary(session.session_id), (summary) =>
            texts(
              `${encodeSession(session).slice(0, -1)},"summary":${JSON.stringify(Option.getOrNull(summary))},"messages":`,
              list(Message, messages(userId, session)),
              "}"
            )
          )
        )

      const allSessions = (userId: UserId) =>
        Stream.paginate(first<SessionCursor>(), (cursor) =>
          Effect.map(
            sessions.list(userId, { limit, ...(cursor === undefined ? {} : { cursor }) }),
            ({ items, next_cursor }) => [items, Option.fromNullOr(next_cursor)] as const
          )
        ).pipe(
          Stream.zipWithIndex,
          Stream.flatMap(([item, index]) => texts(index === 0 ? "" : ",", session(userId, item)))
        )

      const calls = (userId: UserId) =>
        Stream.paginate(first<UsagePosition>(), (after) =>
          Effect.map(usage.calls(userId, after), ({ items, next }) => [items, Option.fromUndefinedOr(next)] as const)
        )

      const of = Effect.fn("Export.of")(function* (userId: UserId) {
        const user = yield* users.findById(userId)
        if (Option.isNone(user)) return yield* new Unauthorized({ detail: "Invalid or expired token" })
        const head = encodeHead({ exported_at: yield* DateTime.now, user: user.value })
        yield* audit("export", "success", userId)
        return texts(
          `${head.slice(0, -1)},"logins":`,
          list(ExportedLogin, logins(userId)),
          `,"sessions":[`,
          allSessions(userId),
          `],"usage":`,
          list(ExportedUsage, calls(userId)),
          "}"
        ).pipe(
          Stream.encodeText,
          Stream.tapCause((cause) => (isUnexpected(cause) ? unexpected(cause) : Effect.void))
        )
      })

      return Export.of({ of })
    })
  )
}

/** Where the first page begins. */
const first = <Cursor>(): Cursor | undefined => undefined

const encodeHead = Schema.encodeSync(Schema.fromJsonString(Exported.mapFields(Struct.pick(["exported_at", "user"]))))
const encodeSession = Schema.encodeSync(Schema.fromJsonString(Session))
/** One after the other. */
const texts = <E>(...parts: ReadonlyArray<string | Stream.Stream<string, E>>): Stream.Stream<string, E> =>
  parts
    .map((part): Stream.Stream<string, E> => (typeof part === "string" ? Stream.succeed(part) : part))
    .reduce((before, part) => Stream.concat(before, part))

/** Items as one JSON list. */
const list = <A, E>(item: Schema.Codec<A, unknown>, items: Stream.Stream<A, E>): Stream.Stream<string, E> => {
  const encode = Schema.encodeSync(Schema.fromJsonString(item))
  return texts(
    "[",
    Stream.intersperse(
      Stream.map(items, (item) => encode(item)),
      ","
    ),
    "]"
  )
}
