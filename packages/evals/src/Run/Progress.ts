import { Context, Effect } from "effect"

export interface Step {
  readonly isError: boolean
  readonly isCached: boolean
}

/** Told as a run goes on, one phase after the other. */
export interface Progress {
  readonly begin: (phase: string, total: number) => Effect.Effect<void>
  readonly step: (step: Step) => Effect.Effect<void>
  readonly end: Effect.Effect<void>
}

export const Progress = Context.Reference<Progress>("@parley/evals/Progress", {
  defaultValue: () => ({ begin: () => Effect.void, step: () => Effect.void, end: Effect.void })
})
