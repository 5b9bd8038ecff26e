/** What is counted of turns: how they end, how long they take, and what their money went to. */
import { Cause, Clock, Effect, Exit, Option } from "effect"
import type { CostKind, TurnMode, TurnOutcome } from "../Telemetry/Catalogue.ts"
import type { Metrics } from "../Telemetry/Metrics.ts"
import * as TurnFacts from "../Telemetry/TurnFacts.ts"

type TurnExit = Exit.Exit<unknown, { readonly _tag: string }>

export const make = (metrics: Metrics["Service"]) => ({
  /** Measures a turn. */
  turn: <A, E extends { readonly _tag: string }>(mode: TurnMode, turn: Effect.Effect<A, E>) =>
    Effect.flatMap(Clock.Clock, (clock) => {
      const facts = TurnFacts.make()
      const startedNanos = clock.monotonicTimeNanosUnsafe()
      return turn.pipe(
        Effect.provideService(TurnFacts.TurnFacts, facts),
        Effect.onExit((exit) => {
          const nanos = clock.monotonicTimeNanosUnsafe() - startedNanos
          const outcome = outcomeOf(exit, facts)
          const overheadSeconds = secondsOf(nanos - facts.othersNanos)
          return Effect.andThen(
            metrics.turnEnded({ mode, outcome, seconds: secondsOf(nanos), overheadSeconds }),
            Effect.forEach(
              facts.paid,
              (call) => metrics.moneySpent(call.requestedModel, kindOf(call, exit), call.costEur),
              { discard: true }
            )
          )
        })
      )
    }),

  /** The turn that this runs in is one that was taken before. */
  isRepeated: Effect.map(TurnFacts.TurnFacts, (facts) => void (facts.isRepeated = true))
})

const secondsOf = (nanos: bigint): number => Number(nanos) / 1e9

const isCancelled = (exit: TurnExit): boolean =>
  Exit.hasInterrupts(exit) || Option.exists(Exit.findErrorOption(exit), ({ _tag }) => _tag === "TurnCancelled")

const outcomeOf = (exit: TurnExit, { isRepeated }: TurnFacts.TurnFacts): TurnOutcome => {
  if (Exit.isSuccess(exit)) return isRepeated ? "repeated" : "answered"
  if (Cause.hasDies(exit.cause)) return "failed"
  if (isCancelled(exit)) return "cancelled"
  const error = Option.getOrUndefined(Exit.findErrorOption(exit))
  return error?._tag.startsWith("Model") === true ? "model_failed" : "refused"
}

const kindOf = ({ isInVain, purpose }: TurnFacts.PaidCall, exit: TurnExit): CostKind => {
  if (Exit.isFailure(exit)) return isCancelled(exit) ? "cancelled" : "failed"
  if (!isInVain) return purpose
  // The answer came from another call; a summary that failed is written in another turn.
  return purpose === "answer" ? "retried" : "failed"
}
