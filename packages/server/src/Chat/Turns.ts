import {
  type ChatAnswer,
  type ChatRequest,
  MessageIdReused,
  NoTurnRunning,
  TurnCancelled,
  type TurnError,
  TurnInProgress
} from "@parley/domain/Chat"
import { MessageId, type SessionId, SessionNotFound } from "@parley/domain/Sessions"
import type { UserId } from "@parley/domain/Users"
import { Cause, Context, DateTime, Effect, Exit, Fiber, FiberSet, Layer, Option } from "effect"
import { SecureRandom } from "effect/crypto"
import { Agent, type AgentEvent } from "../Agent/Agent.ts"
import { AgentMemory } from "../Agent/AgentMemory.ts"
import { Prices } from "../Usage/Prices.ts"
import { sessionName } from "./sessionName.ts"
import * as TurnsRepo from "./TurnsRepo.ts"

/**
 * Turns: a message and the agent's answer, both stored or neither. One at a time in a session, in a fiber of its own:
 * whoever asked only listens to it.
 */
export class Turns extends Context.Service<
  Turns,
  {
    /**
     * Takes a turn and waits for it. `onEvent` hears of it meanwhile; its slowness is felt by the model.
     * Interrupting this is the listener's departure: it cancels the turn unless the request says `continue`.
     */
    readonly take: (
      userId: UserId,
      request: ChatRequest,
      onEvent: (event: AgentEvent) => Effect.Effect<void>
    ) => Effect.Effect<ChatAnswer, TurnError>
    /** Ends the running turn. On this server it is interrupted now; on another it notices at its lease's renewal. */
    readonly cancel: (userId: UserId, sessionId: SessionId) => Effect.Effect<void, SessionNotFound | NoTurnRunning>
  }
>()("@parley/server/Turns") {
  static readonly layer = Layer.effect(
    Turns,
    Effect.gen(function* () {
      const agent = yield* Agent
      const memory = yield* AgentMemory
      const prices = yield* Prices
      const random = yield* SecureRandom.SecureRandom
      const repo = yield* TurnsRepo.make
      const supervisor = yield* FiberSet.make<ChatAnswer, TurnError>()
      /** Turns that run on this server, so that a cancel need not wait for them to notice. */
      const running = new Map<SessionId, Fiber.Fiber<unknown, unknown>>()

      /** The stored answer, when this message got one: then nothing is asked again. */
      const answered = Effect.fnUntraced(function* (userId: UserId, request: ChatRequest) {
        if (request.message_id === undefined) return Option.none<ChatAnswer>()
        const sessionId = request.session_id
        const found = yield* Effect.orDie(repo.find({ sessionId, userId, messageId: request.message_id }))
        if (Option.isNone(found)) return Option.none<ChatAnswer>()
        const known = found.value
        if (known.role !== "user" || known.content !== request.content) return yield* new MessageIdReused({})
        return Option.some(stored(sessionId, known))
      })

      const lease = Effect.fnUntraced(function* (userId: UserId, request: ChatRequest) {
        const held = { sessionId: request.session_id, token: yield* random.uuidV4() }
        const result = yield* Effect.orDie(repo.lease({ ...held, userId }))
        if (Option.isNone(result)) return yield* new SessionNotFound({})
        return result.value.leased ? Option.some(held) : Option.none()
      })

      /** Keeps the lease for as long as it is raced with; fails when somebody took it. */
      const keep = (held: TurnsRepo.Lease): Effect.Effect<never, TurnCancelled> =>
        Effect.sleep(`${TurnsRepo.leaseSeconds / 3} seconds`).pipe(
          Effect.andThen(repo.renew(held)),
          // A database that does not answer has not given the lease to anybody.
          Effect.catchCause(() => Effect.succeedSome(null)),
          Effect.flatMap((renewed) => (Option.isSome(renewed) ? Effect.void : Effect.fail(new TurnCancelled({})))),
          Effect.forever
        )

      const work = Effect.fn("Turns.work")(function* (
        held: TurnsRepo.Lease,
        request: ChatRequest,
        onEvent: (event: AgentEvent) => Effect.Effect<void>
      ) {
        const questionId = request.message_id ?? MessageId.make(yield* random.uuidV7())
        const question = { id: questionId, content: request.content, timestamp: yield* DateTime.now }
        const answer = yield* agent.answer({
          sessionId: held.sessionId,
          messageId: questionId,
          content: request.content,
          onEvent
        })
        const reply = {
          id: MessageId.make(yield* random.uuidV7()),
          content: answer.content,
          timestamp: yield* DateTime.now
        }
        const calls = answer.usage.map((call) => ({
          ...call,
          costEur: prices.costEur(call.model, call.inputTokens, call.outputTokens)
        }))
        yield* Effect.gen(function* () {
          const written = yield* Effect.orDie(
            repo.write({ ...held, name: sessionName(request.content), question, answer: reply, calls })
          )
          if (Option.isNone(written)) return yield* new TurnCancelled({})
          yield* memory.commit(answer.memory)
        }).pipe(repo.transaction, Effect.catchTag("SqlError", Effect.die))
        return {
          session_id: held.sessionId,
          message: { ...reply, session_id: held.sessionId, role: "assistant" as const },
          usage: {
            model: calls.at(-1)?.model ?? "",
            input_tokens: calls.reduce((sum, call) => sum + call.inputTokens, 0),
            output_tokens: calls.reduce((sum, call) => sum + call.outputTokens, 0),
            cost_eur: calls.reduce((sum, call) => sum + call.costEur, 0)
          }
        }
      })

      const underLease = (
        held: TurnsRepo.Lease,
        userId: UserId,
        request: ChatRequest,
        onEvent: (event: AgentEvent) => Effect.Effect<void>
      ) =>
        Effect.gen(function* () {
          yield* Effect.withFiber((fiber) => Effect.sync(() => running.set(held.sessionId, fiber)))
          // Only now is it certain that an identical request did not finish just before the lease was free.
          const before = yield* answered(userId, request)
          if (Option.isNone(before)) return yield* Effect.raceFirst(work(held, request, onEvent), keep(held))
          yield* Effect.orDie(repo.release(held))
          return before.value
        })

      const turn = (userId: UserId, request: ChatRequest, onEvent: (event: AgentEvent) => Effect.Effect<void>) =>
        Effect.acquireUseRelease(
          lease(userId, request),
          Effect.fnUntraced(function* (held) {
            if (Option.isSome(held)) return yield* underLease(held.value, userId, request, onEvent)
            const before = yield* answered(userId, request)
            return Option.isSome(before) ? before.value : yield* new TurnInProgress({})
          }),
          (held, exit) => {
            if (Option.isNone(held)) return Effect.void
            running.delete(held.value.sessionId)
            // A turn that succeeded gave its lease back in the same transaction.
            return Exit.isSuccess(exit) ? Effect.void : Effect.ignoreCause(repo.release(held.value))
          }
        )

      const take = Effect.fn("Turns.take")(function* (
        userId: UserId,
        request: ChatRequest,
        onEvent: (event: AgentEvent) => Effect.Effect<void>
      ) {
        const fiber = yield* FiberSet.run(supervisor, turn(userId, request, onEvent))
        const exit = yield* Fiber.await(fiber).pipe(
          Effect.onInterrupt(() => (request.on_disconnect === "continue" ? Effect.void : Fiber.interrupt(fiber)))
        )
        // Somebody else interrupted the turn: to whoever listens, that is an answer.
        if (Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause)) return yield* new TurnCancelled({})
        return yield* exit
      })

      const cancel = Effect.fn("Turns.cancel")(function* (userId: UserId, sessionId: SessionId) {
        const revoked = yield* Effect.orDie(repo.revoke({ sessionId, userId }))
        if (Option.isNone(revoked)) return yield* new SessionNotFound({})
        if (!revoked.value.running) return yield* new NoTurnRunning({})
        const fiber = running.get(sessionId)
        if (fiber !== undefined) yield* Fiber.interrupt(fiber)
      })

      return Turns.of({ take, cancel })
    })
  )
}

const stored = (sessionId: SessionId, known: TurnsRepo.Known): ChatAnswer => ({
  session_id: sessionId,
  message: {
    id: known.answer_id,
    session_id: sessionId,
    role: "assistant",
    content: known.answer_content,
    timestamp: known.answer_timestamp
  },
  usage: {
    model: known.model,
    input_tokens: known.input_tokens,
    output_tokens: known.output_tokens,
    cost_eur: known.cost_eur
  }
})
