import { Context, Layer, Schema } from "effect"
import table from "./prices.json" with { type: "json" }

const Price = Schema.Struct({
  input: Schema.Finite.annotate({ description: "EUR per million input tokens" }),
  output: Schema.Finite.annotate({ description: "EUR per million output tokens" })
})

const PriceTable = Schema.Struct({
  version: Schema.String,
  note: Schema.String,
  models: Schema.Record(Schema.String, Price)
})

/** Euros as the table `usage` holds them: to the eighth decimal, so that a sum is the same here and there. */
export const roundEur = (euros: number): number => Math.round(euros * 1e8) / 1e8

/** What tokens cost, in euros. */
export class Prices extends Context.Service<
  Prices,
  {
    /** Of one call of a model; 0 for a model without a price. */
    readonly costEur: (model: string, inputTokens: number, outputTokens: number) => number
  }
>()("@parley/server/Prices") {
  static readonly layer = Layer.sync(Prices, () => {
    const { models } = Schema.decodeUnknownSync(PriceTable)(table)
    const names = Object.keys(models).toSorted((a, b) => b.length - a.length)
    // Providers date their models: gpt-4o-mini-2024-07-18 costs what gpt-4o-mini does.
    const priceOf = (model: string) =>
      models[names.find((name) => model === name || model.startsWith(`${name}-`)) ?? ""]
    return Prices.of({
      costEur: (model, inputTokens, outputTokens) => {
        const price = priceOf(model)
        return price === undefined ? 0 : roundEur((inputTokens * price.input + outputTokens * price.output) / 1_000_000)
      }
    })
  })
}
