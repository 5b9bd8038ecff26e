/** What a user's month should cost, and may cost: as the server has it. */
import { Config, Effect, Schema } from "effect"
import { SettingWrong } from "../settings.ts"

const euros = (name: string, fallback: number) =>
  Effect.mapError(
    Config.withDefault(Config.schema(Schema.FiniteFromString.check(Schema.isGreaterThanOrEqualTo(0)), name), fallback),
    () => new SettingWrong({ name, expected: `an amount in euros, 0 or more, such as ${fallback.toFixed(2)}` })
  )

export const settings = Effect.all({
  targetEur: euros("USER_MONTHLY_TARGET_EUR", 2),
  limitEur: euros("USER_MONTHLY_LIMIT_EUR", 2.5)
})
