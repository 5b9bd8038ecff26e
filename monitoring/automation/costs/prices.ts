/** The price table of the server, for what another model would cost. It is a file, so that no line of the server is needed. */
import { Config, Effect, FileSystem, Option, Schema } from "effect"
import { fileURLToPath } from "node:url"

const Price = Schema.Struct({ input: Schema.Finite, output: Schema.Finite })
/** Euros for a million tokens. */
export type Price = typeof Price.Type

const Table = Schema.fromJsonString(
  Schema.Struct({ version: Schema.String, models: Schema.Record(Schema.String, Price) })
)

const shipped = fileURLToPath(new URL("../../../packages/server/src/Usage/prices.json", import.meta.url))

export class PricesUnreadable extends Schema.TaggedError<PricesUnreadable>()("PricesUnreadable", {
  file: Schema.String
}) {
  override get message() {
    return `The price table ${this.file} cannot be read`
  }
}

const table = Effect.fnUntraced(function* (file: string) {
  const fs = yield* FileSystem.FileSystem
  return yield* fs.readFileString(file).pipe(
    Effect.flatMap(Schema.decodeUnknownEffect(Table)),
    Effect.mapError(() => new PricesUnreadable({ file }))
  )
})

/** Those of PRICES_FILE win, as they do in the server. */
export const read = Effect.gen(function* () {
  const own = yield* Config.option(Config.NonEmptyString("PRICES_FILE"))
  const { models, version } = yield* table(shipped)
  if (Option.isNone(own)) return { version, models: new Map(Object.entries(models)) }
  const more = yield* table(own.value)
  return {
    version: `${version} and ${more.version} of PRICES_FILE`,
    models: new Map([...Object.entries(models), ...Object.entries(more.models)])
  }
})
export type Prices = Effect.Success<typeof read>

/** Providers date their models, and proxies put the provider's name before them; the table mostly has neither. */
const dated = /(?:-20\d\d-\d\d-\d\d|[-@]20\d{6}|-(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01]))$/u

/** The name by which the table has a model. */
export const listed = ({ models }: Prices, model: string): string | undefined =>
  [model, model.slice(model.lastIndexOf("/") + 1)]
    .flatMap((name) => [name, name.replace(dated, "")])
    .find((name) => models.has(name))

export const costEur = ({ input, output }: Price, inputTokens: number, outputTokens: number): number =>
  (inputTokens * input + outputTokens * output) / 1_000_000

/** A cheaper model is worth a try if it costs so much of this one at the most. */
const worthATry = 2 / 3 + 1e-9

/**
 * One that costs a third less: a smaller one of the same family (`gpt-4.1` has `gpt-4.1-mini`), else any, in the order of
 * the table, which has the newest first.
 */
export const cheaper = (prices: Prices, model: string, inputTokens: number, outputTokens: number) => {
  const name = listed(prices, model)
  const own = name === undefined ? undefined : prices.models.get(name)
  if (name === undefined || own === undefined) return undefined
  const most = costEur(own, inputTokens, outputTokens) * worthATry
  const candidates = [...prices.models]
    .filter(([other]) => !dated.test(other))
    .map(([other, price]) => ({ model: other, eur: costEur(price, inputTokens, outputTokens) }))
    .filter(({ eur }) => eur > 0 && eur <= most)
  return candidates.find(({ model }) => model.startsWith(`${name}-`)) ?? candidates[0]
}
