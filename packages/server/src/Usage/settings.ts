import { Config, Schema } from "effect"
import * as Setting from "../Settings/Setting.ts"

const euros = (name: string, fallback: number) =>
  Setting.withDefault(
    name,
    Config.schema(Schema.FiniteFromString.check(Schema.isGreaterThanOrEqualTo(0)), name),
    fallback,
    `an amount in euros, 0 or more, such as ${fallback.toFixed(2)}`
  )

export const settings = {
  monthlyTargetEur: euros("USER_MONTHLY_TARGET_EUR", 2),
  monthlyLimitEur: euros("USER_MONTHLY_LIMIT_EUR", 2.5),
  pricesFile: Setting.optional(
    "PRICES_FILE",
    Config.NonEmptyString("PRICES_FILE"),
    "the path of a JSON file in the shape of packages/server/src/Usage/prices.json"
  )
}
