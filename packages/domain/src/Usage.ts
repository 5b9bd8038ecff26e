import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, OpenApi } from "effect/http-api"
import { Usage } from "./Chat.ts"
import { Count } from "./Scalars.ts"
import { Authorization } from "./Users.ts"

const monthMessage = "Must be a month such as 2026-11"

/** Of the calendar in UTC. Years have four digits: what PostgreSQL and JavaScript write alike. */
export const Month = Schema.String.annotate({
  message: monthMessage,
  description: "A calendar month in UTC",
  examples: ["2026-11"]
}).pipe(
  Schema.check(Schema.isPattern(/^[1-9][0-9]{3}-(?:0[1-9]|1[0-2])$/u, { message: monthMessage })),
  Schema.brand("Month")
)
export type Month = typeof Month.Type

const Euros = Schema.Finite.check(Schema.isGreaterThanOrEqualTo(0))

export const ModelMonth = Schema.Struct({
  ...Usage.fields,
  calls: Count.annotate({ description: "Requests to the model: a turn may take several" })
}).annotate({
  identifier: "ModelMonth",
  description: "What one model took of a month's usage"
})
export type ModelMonth = typeof ModelMonth.Type

const tokens = { input_tokens: 20_000, output_tokens: 2500, cost_eur: 0.004_14 }

export const MonthlyUsage = Schema.Struct({
  month: Month,
  turns: Count.annotate({ description: "Messages that were answered" }),
  input_tokens: Usage.fields.input_tokens,
  output_tokens: Usage.fields.output_tokens,
  cost_eur: Usage.fields.cost_eur,
  target_eur: Euros.annotate({ description: "What a month should cost at the most" }),
  limit_eur: Euros.annotate({ description: "What a month may cost" }),
  models: Schema.Array(ModelMonth).annotate({ description: "The dearest first" })
}).annotate({
  identifier: "MonthlyUsage",
  examples: [
    {
      month: Month.make("2026-11"),
      turns: 12,
      ...tokens,
      target_eur: 2,
      limit_eur: 2.5,
      models: [{ model: "gpt-4o-mini", ...tokens, calls: 17 }]
    }
  ]
})
export type MonthlyUsage = typeof MonthlyUsage.Type

export class UsageGroup extends HttpApiGroup.make("usage")
  .add(
    HttpApiEndpoint.get("month", "/users/me/usage", {
      query: { month: Schema.optionalKey(Month) },
      success: MonthlyUsage
    }).annotateMerge(
      OpenApi.annotations({
        summary: "What a month took",
        description:
          "Tokens and euros of one month, the current one unless another is named. Tokens spent in vain, by turns that " +
          "failed or were cancelled, count too; so does what was said in sessions deleted since."
      })
    )
  )
  .middleware(Authorization)
  .annotateMerge(OpenApi.annotations({ title: "Usage", description: "What talking to the agent costs" })) {}
