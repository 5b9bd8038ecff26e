/** Turns without a session. Nothing is stored of them but what they took. */
import type { Usage } from "@parley/domain/Chat"
import { BudgetExceeded } from "@parley/domain/Limits"
import type { UserId } from "@parley/domain/Users"
import { Data, Effect, Exit } from "effect"
import { Agent, type AgentEvent, type Conversation, type ModelUsage } from "../Agent/Agent.ts"
import { TurnFacts } from "../Telemetry/TurnFacts.ts"
import * as TurnTrace from "../Telemetry/TurnTrace.ts"
import { Prices } from "../Usage/Prices.ts"
import { settings } from "../Usage/settings.ts"
import type { Call } from "./CallsRepo.ts"
import * as CompletionsRepo from "./CompletionsRepo.ts"
import { usageOf } from "./usageOf.ts"

/** Of one user, on one server. There is no session that would have one turn at a time. */
export const maxAtOnce = 4

/** More than so many, of which the database would not hear yet, are not written. */
const maxOwed = 1000

/** For what is owed when the server ends. */
const lastTry = "2 seconds"

export interface Request extends Omit<Conversation, "onEvent" | "onUsage"> {
  /** A UUID, of this request alone. */
  readonly id: string
}

export interface Completion {
  readonly content: string
  readonly usage: Usage
  /** The answer is not whole: it ended at the most tokens it may have. */
  readonly isCutOff: boolean
}

export class UnknownModel extends Data.TaggedError("UnknownModel")<{ readonly model: string }> {
  readonly detail = `There is no model ${JSON.stringify(this.model.slice(0, 100))} here: GET /v1/models lists those there are`
}

export class TooManyAtOnce extends Data.TaggedError("TooManyAtOnce")<{}> {
  readonly detail = `At most ${maxAtOnce} answers at once: wait for one of them`
  readonly retryAfterSeconds = 1
}

export type Refusal = Effect.Error<ReturnType<Effect.Success<typeof make>["ask"]>>

export const make = Effect.gen(function* () {
  const agent = yield* Agent
  const prices = yield* Prices
  const repo = yield* CompletionsRepo.make
  const monthlyLimitEur = yield* settings.monthlyLimitEur.config
  const running = new Map<UserId, number>()
  const owed = new Set<CompletionsRepo.Debt>()

  /** What the database does not take now, it gets later. */
  const account = (debt: CompletionsRepo.Debt) =>
    debt.spent.length === 0
      ? Effect.void
      : Effect.catchCause(repo.account(debt), () => Effect.sync(() => void (owed.size < maxOwed && owed.add(debt))))
  const settle = Effect.suspend(() =>
    Effect.forEach(
      [...owed],
      (debt) => Effect.ignore(Effect.tap(repo.account(debt), () => Effect.sync(() => owed.delete(debt)))),
      { discard: true }
    )
  )
  yield* Effect.addFinalizer(() => Effect.timeoutOption(settle, lastTry))
  yield* Effect.sleep("1 second").pipe(Effect.andThen(settle), Effect.forever, Effect.forkScoped)

  const place = (userId: UserId) =>
    Effect.acquireRelease(
      Effect.suspend(() => {
        const others = running.get(userId) ?? 0
        if (others >= maxAtOnce) return Effect.fail(new TooManyAtOnce())
        running.set(userId, others + 1)
        return Effect.void
      }),
      () =>
        Effect.sync(() => {
          const others = (running.get(userId) ?? 1) - 1
          if (others === 0) running.delete(userId)
          else running.set(userId, others)
        })
    )

  const ask = Effect.fn("Completions.ask")(function* (
    userId: UserId,
    request: Request,
    onEvent: (event: AgentEvent) => Effect.Effect<void>
  ) {
    if (!agent.models.includes(request.model)) return yield* new UnknownModel({ model: request.model })
    yield* place(userId)
    const { over_budget, resets_at, resets_in } = yield* Effect.orDie(repo.budget({ userId, monthlyLimitEur }))
    if (over_budget) return yield* BudgetExceeded.until(resets_at, resets_in)
    const calls: Array<Call & ModelUsage> = []
    const { paid } = yield* TurnFacts
    const onUsage = (call: ModelUsage) =>
      Effect.flatMap(prices.costEur(call.model, call.inputTokens, call.outputTokens), (costEur) => {
        calls.push({ ...call, costEur })
        paid.push({ ...call, costEur })
        return TurnTrace.costs(costEur)
      })
    const content = yield* agent
      .complete({ ...request, onEvent, onUsage })
      .pipe(
        Effect.onExit((exit) => account({ userId, id: request.id, isAnswered: Exit.isSuccess(exit), spent: calls }))
      )
    yield* TurnTrace.answered(request.messages.at(-1)?.content ?? "", content)
    const completion: Completion = { content, usage: usageOf(calls), isCutOff: calls.at(-1)?.isCutOff === true }
    return completion
  }, Effect.scoped)

  return { ask }
})
