/** What a server exposes to Prometheus, read as OpenMetrics has it; whatever it does not know is an error. */
import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { TestServer } from "./TestServer.ts"

export type Labels = Readonly<Record<string, string>>

export interface Sample {
  readonly name: string
  readonly labels: Labels
  readonly value: number
  readonly exemplar: { readonly labels: Labels; readonly value: number } | undefined
}

export interface Exposition {
  /** Types by the names of families. */
  readonly types: ReadonlyMap<string, string>
  readonly samples: ReadonlyArray<Sample>
}

const braces = String.raw`\{((?:[^"{}]|"(?:[^"\\]|\\.)*")*)\}`
const line = new RegExp(String.raw`^([a-z_][a-z0-9_]*)(?:${braces})? (\S+)(?: # ${braces} (\S+) \S+)?$`, "iu")

const labelsOf = (text = ""): Labels =>
  Object.fromEntries(
    [...text.matchAll(/([a-z_][a-z0-9_]*)="((?:[^"\\]|\\.)*)"/giu)].map(([, name = "", value = ""]) => [name, value])
  )

export const parse = (text: string): Exposition => {
  const types = new Map<string, string>()
  const samples: Array<Sample> = []
  const lines = text.split("\n")
  assert.deepStrictEqual(lines.slice(-2), ["# EOF", ""])
  for (const each of lines.slice(0, -2)) {
    const [, keyword, name = "", rest = ""] = /^# (HELP|TYPE) (\S+) (.+)$/u.exec(each) ?? []
    if (keyword === "TYPE") assert.isTrue(!types.has(name) && types.set(name, rest) !== undefined, `${name} twice`)
    if (keyword !== undefined) continue
    const [, sample = "", labels, value, exemplarLabels, exemplarValue] = line.exec(each) ?? assert.fail(each)
    const exemplar =
      exemplarLabels === undefined ? undefined : { labels: labelsOf(exemplarLabels), value: Number(exemplarValue) }
    samples.push({
      name: sample,
      labels: labelsOf(labels),
      value: Number(value?.replace("+Inf", "Infinity")),
      exemplar
    })
  }
  return { types, samples }
}

export const scrape = Effect.gen(function* () {
  const server = yield* TestServer
  const reply = yield* server.ask("GET", "/metrics")
  assert.strictEqual(reply.status, 200, reply.text)
  return parse(reply.text)
})

const matches = (labels: Labels, wanted: Labels) =>
  Object.entries(wanted).every(([name, value]) => (labels[name] ?? "") === value)

export const samplesOf = ({ samples }: Exposition, name: string, wanted: Labels = {}): ReadonlyArray<Sample> =>
  samples.filter((sample) => sample.name === name && matches(sample.labels, wanted))

/** The sum of the series with these labels; without any, there is none, which is not 0. An empty label is one that is not there. */
export const valueOf = (exposition: Exposition, name: string, wanted: Labels = {}): number | undefined => {
  const found = samplesOf(exposition, name, wanted)
  return found.length === 0 ? undefined : found.reduce((sum, { value }) => sum + value, 0)
}

/** By how much each of these is more after `effect`. */
export const changes = Effect.fnUntraced(function* <A, E, R>(
  series: Readonly<Record<string, readonly [name: string, labels?: Labels]>>,
  effect: Effect.Effect<A, E, R>
) {
  const before = yield* scrape
  yield* effect
  const after = yield* scrape
  return Object.fromEntries(
    Object.entries(series).map(([key, [name, labels]]) => [
      key,
      Math.round(((valueOf(after, name, labels) ?? Number.NaN) - (valueOf(before, name, labels) ?? 0)) * 1e9) / 1e9
    ])
  )
})
