import {
  type ChatAnswer,
  type ChatRequest,
  MessageIdReused,
  type NoTurnRunning,
  TurnCancelled,
  type TurnError
} from "@parley/domain/Chat"
import { ServiceUnavailable } from "@parley/domain/Errors"
import { MessageId, type SessionId, type SessionNotFound } from "@parley/domain/Sessions"
import type { UserId } from "@parley/domain/Users"
import { Cause, Context, DateTime, type Duration, Effect, Exit, Fiber, FiberSet, Layer, Option } from "effect"
import { SecureRandom } from "effect/crypto"
import { Agent, type AgentEvent, type ModelUsage } from "../Agent/Agent.ts"
import type { TurnMode } from "../Telemetry/Catalogue.ts"
import { AgentMemory } from "../Agent/AgentMemory.ts"
import { unexpected } from "../Edge/Boundary.ts"
import { appEnvironment } from "../Settings/Setting.ts"
import { Shutdown } from "../Shutdown/Shutdown.ts"
import { Metrics } from "../Telemetry/Metrics.ts"
import { TurnFacts } from "../Telemetry/TurnFacts.ts"
import * as TurnTrace from "../Telemetry/TurnTrace.ts"
import { Prices } from "../Usage/Prices.ts"
import type { Call } from "./CallsRepo.ts"
import * as Completions from "./Completions.ts"
import * as Leases from "./Leases.ts"
import { sessionName } from "./sessionName.ts"
import * as TurnMetrics from "./TurnMetrics.ts"
import * as TurnsRepo from "./TurnsRepo.ts"
import { usageOf } from "./usageOf.ts"

type OnEvent = (event: AgentEvent) => Effect.Effect<void>

/**
 * Turns: a message and the agent's answer, both stored or neither. One at a time in a session, in a fiber of its own:
 * whoever asked only listens to it.
 */
export class Turns extends Context.Service<
  Turns,
  {
    /**
     * Takes a turn and waits for it. `onEvent`, of a stream, hears of it meanwhile; its slowness is felt by the model.
     * Interrupting this is the listener's departure: it cancels the turn unless the request says `continue`.
     */
    readonly take: (
      userId: UserId,
      request: ChatRequest,
      onEvent?: OnEvent
    ) => Effect.Effect<ChatAnswer, TurnError | ServiceUnavailable>
    /**
     * A turn without a session: the caller keeps the conversation, and nothing of it is stored but what it took.
     * Interrupting this cancels it.
     */
    readonly complete: (
      userId: UserId,
      request: Completions.Request,
      onEvent?: OnEvent
    ) => Effect.Effect<Completions.Completion, Completions.Refusal | TurnCancelled | ServiceUnavailable>
    /** Ends the running turn: on this server before this returns, on another within a second. */
    readonly cancel: (userId: UserId, sessionId: SessionId) => Effect.Effect<void, SessionNotFound | NoTurnRunning>
    /** How many there are here, those included whose listeners are gone. */
    readonly running: Effect.Effect<number>
    /** The end of the server begins: takes no more turns, and ends those that have not ended within `grace`. */
    readonly drain: (grace: Duration.Input) => Effect.Effect<void>
  }
>()("@parley/server/Turns") {
  static readonly layer = Layer.effect(
    Turns,
    Effect.gen(function* () {
      const agent = yield* Agent
      const memory = yield* AgentMemory
      const prices = yield* Prices
      const measured = TurnMetrics.make(yield* Metrics)
      const random = yield* SecureRandom.SecureRandom
      const repo = yield* TurnsRepo.make
      const leases = yield* Leases.make
      const completions = yield* Completions.make
      const supervisor = yield* FiberSet.make<unknown, unknown>()
      const environment = yield* appEnvironment.config
      const shutdown = yield* Shutdown

      /** The stored answer, when this message got one: then nothing is asked again. */
      const answered = Effect.fnUntraced(function* (userId: UserId, request: ChatRequest) {
        const { message_id: messageId, session_id: sessionId } = request
        if (messageId === undefined) return Option.none<ChatAnswer>()
        const found = yield* Effect.orDie(repo.find({ sessionId, userId, messageId }))
        if (Option.isNone(found)) return Option.none<ChatAnswer>()
        const known = found.value
        if (known.role !== "user" || known.content !== request.content) return yield* new MessageIdReused({})
        return Option.some(stored(sessionId, known))
      })

      /** Writes both messages, what they took and what the agent remembers, and gives the lease back. Or nothing of it. */
      const commit = Effect.fn("Turns.commit")(function* (turn: Parameters<typeof repo.write>[0]) {
        const written = yield* Effect.orDie(repo.write(turn))
        if (Option.isNone(written)) return yield* new TurnCancelled({})
      })

      /** What an answer took is written with it; what was spent in vain is left to the lease. */
      const ask = Effect.fn("Turns.ask")((lease: Leases.Lease, request: ChatRequest, onEvent: OnEvent) =>
        Effect.uninterruptibleMask((restore) =>
          Effect.gen(function* () {
            const { sessionId, token } = lease
            const calls: Array<Call> = []
            const { paid } = yield* TurnFacts
            const spend = (inVain: boolean) => Effect.sync(() => Object.assign(lease, { spent: calls, inVain }))
            const onUsage = (call: ModelUsage) =>
              Effect.flatMap(prices.costEur(call.model, call.inputTokens, call.outputTokens), (costEur) => {
                calls.push({ ...call, costEur })
                paid.push({ ...call, costEur })
                return TurnTrace.costs(costEur)
              })
            const id = request.message_id ?? MessageId.make(yield* random.uuidV7())
            const question = { id, content: request.content, timestamp: yield* DateTime.now }
            const { content, memory: newMemory } = yield* restore(
              agent.answer({ sessionId, messageId: id, content: request.content, onEvent, onUsage })
            ).pipe(Effect.onError(() => spend(true)))
            yield* TurnTrace.answered(request.content, content)
            const answer = { id: MessageId.make(yield* random.uuidV7()), content, timestamp: yield* DateTime.now }
            // From here on it is too late to interrupt the turn. Only its lease can still be lost.
            yield* lease.letGo
            const name = sessionName(request.content)
            const remembered = memory.committing(newMemory, TurnsRepo.fence)
            // When it breaks it may have been written: whether the lease is still held tells.
            const committed = commit({ sessionId, token, name, question, answer, calls, remembered })
            yield* Effect.onError(committed, (cause) => spend(!Cause.hasDies(cause)))
            return {
              session_id: sessionId,
              message: { ...answer, session_id: sessionId, role: "assistant" as const },
              usage: usageOf(calls)
            }
          })
        )
      )

      /** A listener hears a stored answer as it would have heard it: its tokens are its content. */
      const repeated = (answer: ChatAnswer, onEvent: OnEvent) =>
        Effect.as(
          Effect.andThen(measured.isRepeated, onEvent({ _tag: "Token", content: answer.message.content })),
          answer
        )

      const turn = (userId: UserId, request: ChatRequest, onEvent: OnEvent) =>
        leases.hold(
          { userId, sessionId: request.session_id, messageId: request.message_id },
          Effect.fnUntraced(function* (lease) {
            // Only now is it certain that an identical request did not finish just before the lease was free.
            const before = yield* answered(userId, request)
            return Option.isSome(before) ? yield* repeated(before.value, onEvent) : yield* ask(lease, request, onEvent)
          }),
          Effect.fnUntraced(function* (refusal) {
            const before = yield* answered(userId, request)
            return Option.isSome(before) ? yield* repeated(before.value, onEvent) : yield* refusal
          })
        )

      /** Runs it in a fiber of its own; `leave` is done with that when the listener goes. */
      const supervised = <A, E extends { readonly _tag: string }>(
        mode: TurnMode,
        turn: Effect.Effect<A, E>,
        leave: (fiber: Fiber.Fiber<A, E>) => Effect.Effect<unknown>
      ) =>
        Effect.uninterruptibleMask((restore) =>
          Effect.gen(function* () {
            if (shutdown.hasBegun()) return yield* new ServiceUnavailable({})
            const fiber = yield* FiberSet.run(supervisor, measured.turn(mode, turn))
            const exit = yield* restore(Fiber.await(fiber)).pipe(Effect.onInterrupt(() => leave(fiber)))
            // Somebody else interrupted the turn: to whoever listens, that is an answer.
            if (Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause)) {
              return yield* shutdown.hasBegun() ? new ServiceUnavailable({}) : new TurnCancelled({})
            }
            return yield* exit
          })
        )

      const taken = Effect.fn("Turns.take")((mode: TurnMode, userId: UserId, request: ChatRequest, onEvent: OnEvent) =>
        supervised(mode, turn(userId, request, onEvent), (fiber) =>
          request.on_disconnect === "continue" ? unheard(fiber) : Fiber.interrupt(fiber)
        )
      )

      const take = (userId: UserId, request: ChatRequest, onEvent?: OnEvent) => {
        const mode = modeOf(onEvent)
        const facts = { userId, sessionId: request.session_id, question: request.content, mode }
        return TurnTrace.of(facts, environment)(taken(mode, userId, request, onEvent ?? unlistened))
      }

      const completed = Effect.fn("Turns.complete")(
        (mode: TurnMode, userId: UserId, request: Completions.Request, onEvent: OnEvent) =>
          supervised(mode, completions.ask(userId, request, onEvent), Fiber.interrupt)
      )

      const complete = (userId: UserId, request: Completions.Request, onEvent?: OnEvent) => {
        const mode = modeOf(onEvent)
        const question = request.messages.at(-1)?.content ?? ""
        const facts = { userId, sessionId: undefined, question, mode }
        return TurnTrace.of(facts, environment)(completed(mode, userId, request, onEvent ?? unlistened))
      }

      const cancel = Effect.fn("Turns.cancel")(leases.revoke)

      const drain = Effect.fn("Turns.drain")(function* (grace: Duration.Input) {
        yield* shutdown.begin
        yield* Effect.timeoutOption(FiberSet.awaitEmpty(supervisor), grace)
        yield* FiberSet.clear(supervisor)
      })
      yield* Effect.addFinalizer(() => drain(0))

      return Turns.of({ take, complete, cancel, running: FiberSet.size(supervisor), drain })
    })
  )
}

const modeOf = (onEvent: OnEvent | undefined): TurnMode => (onEvent === undefined ? "json" : "stream")
const unlistened: OnEvent = () => Effect.void

/** With nobody to tell, at least the log hears of what nobody expected. */
const unheard = (turn: Fiber.Fiber<unknown, unknown>) =>
  Effect.forkDetach(
    Effect.flatMap(Fiber.await(turn), (exit) =>
      Exit.isFailure(exit) && Cause.hasDies(exit.cause) ? unexpected(exit.cause) : Effect.void
    )
  )

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
