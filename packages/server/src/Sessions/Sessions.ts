import {
  type MessageCursor,
  type MessagePage,
  type Session,
  type SessionCursor,
  SessionId,
  SessionNotFound,
  type SessionPage
} from "@parley/domain/Sessions"
import { defaultLimit } from "@parley/domain/Paging"
import { Unauthorized, type UserId } from "@parley/domain/Users"
import { Context, DateTime, Effect, Layer, Option } from "effect"
import { SecureRandom } from "effect/crypto"
import { AgentMemory } from "../Agent/AgentMemory.ts"
import * as MessagesRepo from "./MessagesRepo.ts"
import * as SessionsRepo from "./SessionsRepo.ts"

interface Page<Cursor> {
  readonly limit?: number
  readonly cursor?: Cursor
}

/** A person's conversations. A session of somebody else is not found. */
export class Sessions extends Context.Service<
  Sessions,
  {
    /** Fails when the account is gone: its logins may still be remembered. */
    readonly create: (userId: UserId, name?: string) => Effect.Effect<Session, Unauthorized>
    /** Newest first. */
    readonly list: (userId: UserId, page: Page<SessionCursor>) => Effect.Effect<SessionPage>
    readonly get: (userId: UserId, id: SessionId) => Effect.Effect<Session, SessionNotFound>
    readonly rename: (userId: UserId, id: SessionId, name: string) => Effect.Effect<Session, SessionNotFound>
    /** With messages and memory. A turn that runs in it cannot write any more. */
    readonly delete: (userId: UserId, id: SessionId) => Effect.Effect<void, SessionNotFound>
    /** Oldest first. */
    readonly messages: (
      userId: UserId,
      id: SessionId,
      page: Page<MessageCursor>
    ) => Effect.Effect<MessagePage, SessionNotFound>
    /** Deletes messages and memory. A turn that runs in it cannot write any more. */
    readonly clear: (userId: UserId, id: SessionId) => Effect.Effect<void, SessionNotFound>
  }
>()("@parley/server/Sessions") {
  static readonly layer = Layer.effect(
    Sessions,
    Effect.gen(function* () {
      const random = yield* SecureRandom.SecureRandom
      const memory = yield* AgentMemory
      const sessions = yield* SessionsRepo.make
      const transcript = yield* MessagesRepo.make

      const create = Effect.fn("Sessions.create")(function* (userId: UserId, name?: string) {
        const session = {
          session_id: SessionId.make(yield* random.uuidV7()),
          name: name ?? "",
          created_at: yield* DateTime.now
        }
        yield* sessions.insert({ ...session, user_id: userId }).pipe(
          // No other constraint can be broken than that its user exists.
          Effect.catchReason("SqlError", "ConstraintError", () =>
            Effect.fail(new Unauthorized({ detail: "Invalid or expired token" }))
          ),
          Effect.catchTag(["SqlError", "SchemaError"], Effect.die)
        )
        return session
      })

      const list = Effect.fn("Sessions.list")(function* (userId: UserId, page: Page<SessionCursor>) {
        const limit = page.limit ?? defaultLimit
        const found = yield* Effect.orDie(sessions.list({ userId, limit: limit + 1, after: page.cursor }))
        const items = found.slice(0, limit)
        const last = items.at(-1)
        const next = found.length > limit && last !== undefined ? ([last.created_at, last.session_id] as const) : null
        return { items, next_cursor: next }
      })

      // The smallest request there is: `Effect.fn` would be a twentieth of it.
      const get = (userId: UserId, sessionId: SessionId) => found(sessions.find({ userId, sessionId }))

      const rename = Effect.fn("Sessions.rename")((userId: UserId, sessionId: SessionId, name: string) =>
        found(sessions.rename({ userId, sessionId, name }))
      )

      const remove = Effect.fn("Sessions.delete")((userId: UserId, sessionId: SessionId) =>
        Effect.asVoid(found(sessions.delete({ userId, sessionId })))
      )

      const messages = Effect.fn("Sessions.messages")(function* (
        userId: UserId,
        sessionId: SessionId,
        page: Page<MessageCursor>
      ) {
        const limit = page.limit ?? defaultLimit
        const after = page.cursor ?? 0n
        const found = yield* Effect.orDie(transcript.list({ userId, sessionId, after, limit: limit + 1 }))
        // An empty page is also what a session that is not there gives.
        if (found.length === 0) yield* get(userId, sessionId)
        const items = found.slice(0, limit)
        const last = items.at(-1)
        return {
          items: items.map(({ position: _, ...message }) => message),
          next_cursor: found.length > limit && last !== undefined ? last.position : null
        }
      })

      const clear = Effect.fn("Sessions.clear")((userId: UserId, sessionId: SessionId) =>
        Effect.gen(function* () {
          yield* found(sessions.endLease({ userId, sessionId }))
          yield* Effect.orDie(transcript.clear(sessionId))
          yield* memory.forget(sessionId)
        }).pipe(sessions.transaction, Effect.catchTag("SqlError", Effect.die))
      )

      return Sessions.of({ create, list, get, rename, delete: remove, messages, clear })
    })
  )
}

/** What a repository found, or that the session is not there (for this user). */
const found = <A, E>(effect: Effect.Effect<Option.Option<A>, E>): Effect.Effect<A, SessionNotFound> =>
  Effect.flatMap(
    Effect.orDie(effect),
    Option.match({ onNone: () => Effect.fail(new SessionNotFound({})), onSome: Effect.succeed })
  )
