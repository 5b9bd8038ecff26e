/** What is counted in the database for all servers together, as it is kept there, and shown as gauges by each. */
import { Schema } from "effect"

/** Nothing, where there is nobody to take an average of. */
const Statistic = Schema.NullOr(Schema.Finite)

export const BusinessNumbers = Schema.Struct({
  costTodayEur: Schema.Finite,
  costPerActiveUserEur: Schema.Struct({ avg: Statistic, p50: Statistic, p95: Statistic, max: Statistic }),
  usersOverCost: Schema.Struct({ target: Schema.Finite, limit: Schema.Finite }),
  usersActive: Schema.Struct({ day: Schema.Finite, week: Schema.Finite, month: Schema.Finite }),
  /** By plan. */
  subscriptions: Schema.Record(Schema.String, Schema.Finite),
  mrrEur: Schema.Finite,
  arrEur: Schema.Finite
})
export type BusinessNumbers = typeof BusinessNumbers.Type
