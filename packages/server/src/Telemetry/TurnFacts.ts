import { Clock, Context, Effect } from "effect"

/** What becomes known of a turn on its way, for its metrics: written by whoever learns it. */
export interface TurnFacts {
  /** Others at work at this moment, models and tools, of which several may be; since when, and for how long before. */
  others: number
  othersSinceNanos: bigint
  othersNanos: bigint
  /** All that the agent may take is over: told, because a timer may come a moment before its time by the clock. */
  isOutOfTime: boolean
  /** The message had an answer already. */
  isRepeated: boolean
  /** The calls of models that cost something. */
  readonly paid: Array<PaidCall>
}

export interface PaidCall {
  readonly requestedModel: string
  readonly purpose: "answer" | "summary"
  readonly isInVain: boolean
  readonly costEur: number
}

export const make = (): TurnFacts => ({
  others: 0,
  othersSinceNanos: 0n,
  othersNanos: 0n,
  isOutOfTime: false,
  isRepeated: false,
  paid: []
})

/** Those of the turn that this fiber works for. Outside a turn nobody reads them. */
export const TurnFacts = Context.Reference<TurnFacts>("@parley/server/Telemetry/TurnFacts", { defaultValue: make })

/** Work of a model or a tool. What several do at once counts once. */
export const ofOthers = <A, E, R>(work: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.withFiber((fiber) => {
    const facts = fiber.getRef(TurnFacts)
    const clock = fiber.getRef(Clock.Clock)
    if (facts.others++ === 0) facts.othersSinceNanos = clock.monotonicTimeNanosUnsafe()
    return Effect.onExit(work, () => {
      if (--facts.others === 0) facts.othersNanos += clock.monotonicTimeNanosUnsafe() - facts.othersSinceNanos
      return Effect.void
    })
  })
