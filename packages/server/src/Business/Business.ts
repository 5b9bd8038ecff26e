import { Context, DateTime, Duration, Effect, Layer, Option } from "effect"
import { Billing } from "../Billing/Billing.ts"
import { Metrics } from "../Telemetry/Metrics.ts"
import { settings as usageSettings } from "../Usage/settings.ts"
import * as BusinessRepo from "./BusinessRepo.ts"
import { settings } from "./settings.ts"

/** More than the database allows for it: then nothing will come any more. Of streams the pool does not notice that. */
const patience = "90 seconds"

/**
 * The numbers a business is led by, as gauges: counted in the database in the background, by one server for all of them,
 * never because somebody looks. While the database is away the gauges stay as they are, and their age tells.
 */
export class Business extends Context.Service<
  Business,
  {
    /** Counts, if it is time and nobody else is at it; then shows what was counted last, wherever that was. */
    readonly refresh: Effect.Effect<void>
  }
>()("@parley/server/Business") {
  static readonly layer = Layer.effect(
    Business,
    Effect.gen(function* () {
      const repo = yield* BusinessRepo.make
      const billing = yield* Billing
      const metrics = yield* Metrics
      const interval = yield* settings.refreshInterval.config
      const targetEur = yield* usageSettings.monthlyTargetEur.config
      const limitEur = yield* usageSettings.monthlyLimitEur.config
      yield* metrics.targetsAre({
        dailyBudgetEur: yield* settings.dailyBudgetEur.config,
        arrTargetEur: yield* settings.arrTargetEur.config
      })
      // A server that looks a moment before its time would wait for another interval.
      const olderThanSeconds = Duration.toSeconds(interval) * 0.9

      let told = 0
      const warnOf = (futureRows: number) =>
        Effect.suspend(() => {
          const isNew = futureRows > told
          told = futureRows
          return isNew
            ? Effect.logWarning("Usage is dated in the future, and is in no figure until then").pipe(
                Effect.annotateLogs({ event: "business.future_usage", rows: futureRows })
              )
            : Effect.void
        })

      const count = Effect.gen(function* () {
        if (Option.isNone(yield* repo.claim(olderThanSeconds))) return
        const { futureRows, ...usage } = yield* repo.usage({ targetEur, limitEur })
        yield* warnOf(futureRows)
        const { activeByPlan, arrEuros, mrrEuros } = yield* billing.figures
        yield* repo.store({ ...usage, subscriptions: activeByPlan, mrrEur: mrrEuros, arrEur: arrEuros })
      }).pipe(repo.transaction, Effect.timeout(patience))

      const refresh = Effect.gen(function* () {
        yield* count
        const known = yield* repo.read()
        if (Option.isNone(known)) return
        const { counted_at, numbers } = known.value
        yield* metrics.businessIs(numbers, DateTime.toEpochMillis(counted_at))
      }).pipe(
        Effect.withSpan("Business.refresh"),
        Effect.catchCause((cause) => Effect.logWarning("Business metrics could not be counted", cause))
      )

      yield* refresh.pipe(Effect.andThen(Effect.sleep(interval)), Effect.forever, Effect.forkScoped)
      return Business.of({ refresh })
    })
  )
}
