import { Context, Effect, FileSystem, Layer, Option, Schema, SchemaIssue } from "effect"
import table from "./prices.json" with { type: "json" }
import { settings } from "./settings.ts"

const priceMessage = "must be a number from 0 to 1000"

/** No model costs more; and whatever a call may count, what it costs fits the table `usage`. */
const EurPerMillion = Schema.Number.annotate({ message: priceMessage }).check(
  Schema.isBetween({ minimum: 0, maximum: 1000 }, { message: priceMessage })
)

const PriceTable = Schema.Struct({
  version: Schema.String,
  note: Schema.String,
  models: Schema.Record(Schema.String, Schema.Struct({ input: EurPerMillion, output: EurPerMillion }))
})

const decodeTable = Schema.decodeUnknownEffect(Schema.fromJsonString(PriceTable), {
  errors: "all",
  onExcessProperty: "error"
})
const problemsOf = SchemaIssue.makeFormatterStandardSchemaV1()

export class PricesUnusable extends Schema.TaggedError<PricesUnusable>()("PricesUnusable", {
  file: Schema.String,
  problems: Schema.Array(Schema.String)
}) {
  override get message(): string {
    const list = this.problems.map((problem) => `  ${problem}`).join("\n")
    return `Cannot use the prices of PRICES_FILE=${this.file}:\n${list}\nIt must be ${settings.pricesFile.expected}.`
  }
}

const read = Effect.fn("Prices.read")(function* (file: string) {
  const fs = yield* FileSystem.FileSystem
  const text = yield* Effect.mapError(
    fs.readFileString(file),
    ({ message }) => new PricesUnusable({ file, problems: [message] })
  )
  return yield* Effect.mapError(decodeTable(text), ({ issue }) => {
    const problems = problemsOf(issue).issues.map(({ message, path = [] }) =>
      path.length === 0 ? message : `${path.map(String).join(" > ")}: ${message}`
    )
    return new PricesUnusable({ file, problems })
  })
})

/** Providers date their models: gpt-4o-mini-2024-07-18 costs what gpt-4o-mini does; so -20250219, @20250219 and -0613. */
const dateSuffix = /(?:-20\d\d-\d\d-\d\d|[-@]20\d{6}|-(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01]))$/u

/** Under what a model may be listed, the most exact first. Proxies put the provider before it: openai/gpt-4o-mini. */
const listings = (model: string): ReadonlyArray<string> =>
  [model, model.slice(model.lastIndexOf("/") + 1)].flatMap((name) => [name, name.replace(dateSuffix, "")])

/** Names come from providers, who may make up a new one for each call. */
const maxWarned = 100

/** Euros as the table `usage` holds them: to the eighth decimal, so that a sum is the same here and there. */
export const roundEur = (euros: number): number => Math.round(euros * 1e8) / 1e8

/** What tokens cost, in euros. */
export class Prices extends Context.Service<
  Prices,
  {
    /** Of one call of a model; 0 for a model without a price, of which the log is told once. */
    readonly costEur: (model: string, inputTokens: number, outputTokens: number) => Effect.Effect<number>
  }
>()("@parley/server/Prices") {
  static readonly layer = Layer.effect(
    Prices,
    Effect.gen(function* () {
      const file = yield* settings.pricesFile.config
      const shipped = yield* Effect.orDie(Schema.decodeUnknownEffect(PriceTable)(table))
      const own = Option.isSome(file) ? (yield* read(file.value)).models : {}
      const prices = new Map([...Object.entries(shipped.models), ...Object.entries(own)])
      const warned = new Set<string>()

      const costEur = Effect.fnUntraced(function* (model: string, inputTokens: number, outputTokens: number) {
        const listed = listings(model).find((name) => prices.has(name))
        const price = listed === undefined ? undefined : prices.get(listed)
        if (price !== undefined) return roundEur((inputTokens * price.input + outputTokens * price.output) / 1_000_000)
        if (!warned.has(model) && warned.size < maxWarned) {
          warned.add(model)
          yield* Effect.annotateLogs(Effect.logWarning("A model without a price costs 0; PRICES_FILE can set one"), {
            model
          })
        }
        return 0
      })

      return Prices.of({ costEur })
    })
  )
}
