/** The rules with one thing changed, which their tests must notice: else nobody would when it happens by mistake. */
import { Array, Effect, FileSystem } from "effect"
import { stringify } from "yaml"
import { type Alert, alertsOf, directory, type FileName, type Rules, thresholdsIn } from "./rules.ts"
import { run } from "./run.ts"

export const kinds = ["threshold", "operator", "wait"] as const
export type Kind = (typeof kinds)[number]

export interface Mutant {
  readonly alert: string
  readonly kind: Kind
  /** What was changed into what. */
  readonly change: string
  readonly rules: Rules
  /** Those that are most likely to notice come first. */
  readonly tests: ReadonlyArray<string>
}

type Rule = Rules[number]["groups"][number]["rules"][number]

const opposites: Readonly<Record<string, string>> = { ">": "<", ">=": "<", "<": ">", "<=": ">", "==": "!=", "!=": "==" }

/** Not those of label matchers, which have no space around them. */
const operator = /(?<= )(?:>=|<=|==|!=|>|<)(?= )/gu

/** A tenth more and a tenth less: tests must be closer to a threshold than that. */
const factors = [1.1, 0.9]

const round = (value: number) => Number(value.toPrecision(6))

const seconds = (duration: string) => {
  const units: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600 }
  return Number.parseInt(duration, 10) * (units[duration.slice(-1)] ?? Number.NaN)
}

const change = (rules: Rules, from: (rule: Rule) => boolean, to: (rule: Rule) => Rule): Rules =>
  rules.map((file) => ({
    ...file,
    groups: file.groups.map((group) => ({
      ...group,
      rules: group.rules.map((rule) => (from(rule) ? to(rule) : rule))
    }))
  }))

const replaceAt = (text: string, index: number, old: string, by: string) =>
  text.slice(0, index) + by + text.slice(index + old.length)

interface Changed {
  readonly kind: Kind
  readonly change: string
  readonly rules: Rules
}

const thresholds = (rules: Rules, { expr }: Alert): ReadonlyArray<Changed> =>
  thresholdsIn(expr).flatMap((name) =>
    factors.map((factor) => {
      let shown = ""
      const changed = change(
        rules,
        (rule) => "record" in rule && rule.record === name,
        (rule) => {
          const value = Number(/^vector\(([\d.]+)\)$/u.exec(rule.expr)?.[1])
          shown = `${name.slice("parley:threshold:".length)}: ${value} -> ${round(value * factor)}`
          return { ...rule, expr: `vector(${round(value * factor)})` }
        }
      )
      return { kind: "threshold", change: shown, rules: changed }
    })
  )

/** Of an alert that is changed, and is the only one with this expression. */
const withExpr = (rules: Rules, { alert, expr }: Alert, by: string): Rules =>
  change(
    rules,
    (rule) => "alert" in rule && rule.alert === alert && rule.expr === expr,
    (rule) => ({ ...rule, expr: by })
  )

const zeros = (rules: Rules, alert: Alert): ReadonlyArray<Changed> =>
  [...alert.expr.matchAll(/(?<=(?:==|>) )0\b/gu)].flatMap(({ index }) =>
    ["2", "-1"].map((by) => ({
      kind: "threshold",
      change: `0 -> ${by}`,
      rules: withExpr(rules, alert, replaceAt(alert.expr, index, "0", by))
    }))
  )

const operators = (rules: Rules, alert: Alert): ReadonlyArray<Changed> =>
  [...alert.expr.matchAll(operator)].map(({ 0: old, index }) => ({
    kind: "operator",
    change: `${old} -> ${opposites[old]} before ${alert.expr
      .slice(index + old.length)
      .trim()
      .slice(0, 50)}`,
    rules: withExpr(rules, alert, replaceAt(alert.expr, index, old, opposites[old] ?? ""))
  }))

const waits = (rules: Rules, alert: Alert): ReadonlyArray<Changed> =>
  (["for", "keep_firing_for"] as const).flatMap((key) => {
    const duration = alert[key]
    if (duration === undefined) return []
    return [2, 0.5].map((factor) => {
      const by = `${seconds(duration) * factor}s`
      return {
        kind: "wait",
        change: `${key}: ${duration} -> ${by}`,
        rules: change(
          rules,
          (rule) => "alert" in rule && rule.alert === alert.alert && rule.expr === alert.expr,
          (rule) => ({ ...rule, [key]: by })
        )
      }
    })
  })

/** Every mutant of these alerts; all but the watchdog, which compares nothing. */
export const mutants = Effect.fn("Mutation.mutants")(function* (rules: Rules, names?: ReadonlyArray<string>) {
  const fs = yield* FileSystem.FileSystem
  const tests = (yield* fs.readDirectory(`${directory}/tests`)).toSorted()
  return alertsOf(rules)
    .filter(({ alert }) => alert !== "Watchdog" && (names === undefined || names.includes(alert)))
    .flatMap((alert): ReadonlyArray<Mutant> => {
      const own = tests.filter((test) => test.startsWith(alert.alert))
      const ordered = alert.labels["severity"] === "warning" ? own.toReversed() : own
      return [thresholds, zeros, operators, waits]
        .flatMap((changes) => changes(rules, alert))
        .map((changed) => ({ ...changed, alert: alert.alert, tests: ordered }))
    })
})

/** Whether tests fail because of it. One that promtool cannot read proves nothing: it is a defect of this module. */
export const isNoticed = Effect.fn("Mutation.isNoticed")(function* ({ alert, change, rules, tests }: Mutant) {
  const fs = yield* FileSystem.FileSystem
  const folder = yield* fs.makeTempDirectoryScoped({ prefix: "parley-mutant-" })
  yield* fs.makeDirectory(`${folder}/rules`)
  yield* fs.makeDirectory(`${folder}/tests`)
  const write = (name: FileName, content: unknown) =>
    fs.writeFileString(`${folder}/rules/${name}.yml`, stringify(content))
  for (const { groups, name } of rules) yield* write(name, { groups })
  for (const test of tests) {
    yield* fs.copyFile(`${directory}/tests/${test}`, `${folder}/tests/${test}`)
    const { code, output } = yield* run("promtool", ["test", "rules", `${folder}/tests/${test}`])
    if (code === 0) continue
    if (output.includes("alertname:")) return true
    return yield* Effect.die(new Error(`${alert}, ${change}: ${output}`))
  }
  return false
}, Effect.scoped)

export interface Row {
  readonly alert: string
  readonly noticed: Readonly<Record<Kind, number>>
  readonly made: Readonly<Record<Kind, number>>
}

/** How many there were of each kind, and how many were noticed, by alert. */
export const rowsOf = (results: ReadonlyArray<readonly [Mutant, boolean]>): ReadonlyArray<Row> =>
  Object.entries(Array.groupBy(results, ([{ alert }]) => alert)).map(([alert, all]) => {
    const count = (kind: Kind, wanted: (isNoticed: boolean) => boolean) =>
      all.filter(([mutant, isNoticed]) => mutant.kind === kind && wanted(isNoticed)).length
    const each = (wanted: (isNoticed: boolean) => boolean) => ({
      threshold: count("threshold", wanted),
      operator: count("operator", wanted),
      wait: count("wait", wanted)
    })
    return { alert, noticed: each((isNoticed) => isNoticed), made: each(() => true) }
  })
