import type { Month, MonthlyUsage } from "@parley/domain/Usage"
import type { UserId } from "@parley/domain/Users"
import { Context, Effect, Layer } from "effect"
import { settings } from "./settings.ts"
import * as UsageRepo from "./UsageRepo.ts"

/** What a person's turns took, and what they may take. */
export class Usage extends Context.Service<
  Usage,
  {
    /** In a month, or so far in the current one. */
    readonly spent: (userId: UserId, month?: Month) => Effect.Effect<MonthlyUsage>
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

      return Usage.of({ spent })
    })
  )
}
