import type { ExportedUsage } from "@parley/domain/Export"
import type { Month, MonthlyUsage } from "@parley/domain/Usage"
import type { UserId } from "@parley/domain/Users"
import { Context, Effect, Layer } from "effect"
import { settings } from "./settings.ts"
import * as UsageRepo from "./UsageRepo.ts"

export type UsagePosition = UsageRepo.Position

const pageSize = 100

/** What a person's turns took, and what they may take. */
export class Usage extends Context.Service<
  Usage,
  {
    /** In a month, or so far in the current one. */
    readonly spent: (userId: UserId, month?: Month) => Effect.Effect<MonthlyUsage>
    /** A page of the calls of the model, oldest first, and where the next begins if there may be one. */
    readonly calls: (
      userId: UserId,
      after: UsagePosition | undefined
    ) => Effect.Effect<{ readonly items: ReadonlyArray<ExportedUsage>; readonly next: UsagePosition | undefined }>
  }
>()("@parley/server/Usage") {
  static readonly layer = Layer.effect(
    Usage,
    Effect.gen(function* () {
      const repo = yield* UsageRepo.make
      const target_eur = yield* settings.monthlyTargetEur.config
      const limit_eur = yield* settings.monthlyLimitEur.config

      const spent = Effect.fn("Usage.spent")(function* (userId: UserId, month?: Month) {
        const [{ calls: _calls, model: _model, ...total }, ...models] = yield* Effect.orDie(
          repo.month({ userId, month })
        )
        return {
          ...total,
          target_eur,
          limit_eur,
          models: models.map(({ month: _month, turns: _turns, ...model }) => model)
        }
      })

      const calls = Effect.fn("Usage.calls")(function* (userId: UserId, after: UsagePosition | undefined) {
        const found = yield* Effect.orDie(repo.calls({ userId, after, limit: pageSize }))
        return {
          items: found.map(({ position: _position, position_at: _at, ...call }) => call),
          next: found.length < pageSize ? undefined : found.at(-1)
        }
      })

      return Usage.of({ spent, calls })
    })
  )
}
