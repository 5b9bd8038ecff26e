import { Config, Duration, Schema } from "effect"
import * as Setting from "../Settings/Setting.ts"

const euros = (name: string, fallback: number) =>
  Setting.withDefault(
    name,
    Config.schema(Schema.FiniteFromString.check(Schema.isGreaterThanOrEqualTo(0)), name),
    fallback,
    `an amount in euros, 0 or more, such as ${fallback}`
  )

export const settings = {
  dailyBudgetEur: euros("LLM_DAILY_BUDGET_EUR", 20),
  arrTargetEur: euros("REVENUE_ARR_TARGET_EUR", 25_000),
  refreshInterval: Setting.withDefault(
    "BUSINESS_METRICS_INTERVAL",
    Config.schema(
      Schema.DurationFromString.check(
        Schema.makeFilter((duration: Duration.Duration) =>
          Duration.isGreaterThanOrEqualTo(duration, Duration.millis(10))
        )
      ),
      "BUSINESS_METRICS_INTERVAL"
    ),
    Duration.minutes(1),
    'a duration such as "1 minute": how often what is counted in the database for metrics is counted anew'
  )
}
