/** The costs as tables for a terminal. */
import { Effect } from "effect"
import { formatted } from "../../charts/units.ts"
import { type Cell, Paint } from "../Paint.ts"
import type { Report } from "./Costs.ts"
import * as CostsRepo from "./CostsRepo.ts"
import { small } from "./findings.ts"
import { leastDays } from "./window.ts"

const eur = (value: number | null) => formatted(value ?? undefined, "currencyEUR", 2)
const count = (value: number) => formatted(value, "short", Math.abs(value) >= 10_000 ? undefined : 0)
const day = (iso: string) => iso.slice(0, 10)
const minute = (iso: string) => `${day(iso)} ${iso.slice(11, 16)}`

export const render = Effect.fnUntraced(function* (report: Report) {
  const { paint, table } = yield* Paint
  const section = (title: string, body: string) => `${paint("bold", title)}\n${body}`
  const rows = <Row>(
    all: ReadonlyArray<Row> | null,
    head: ReadonlyArray<string>,
    cells: (row: Row) => ReadonlyArray<Cell | string>
  ) => (all === null || all.length === 0 ? paint("dim", "no data") : table(head, all.map(cells)))

  const { days, end, limitEur, monthEur, start, targetEur, totalEur } = report
  const level = (month: number): Cell => {
    if (month >= limitEur) return { text: `over the limit of ${eur(limitEur)}`, colour: "red" }
    if (month >= targetEur) return { text: `over the target of ${eur(targetEur)}`, colour: "yellow" }
    return { text: "" }
  }
  const pace =
    days < leastDays
      ? `; of ${formatted(days, "short", 1)} days, which count as ${leastDays}, because so few say little of a month`
      : ""
  const counted =
    report.watchedSince === null
      ? "counted by Prometheus"
      : `counted by Prometheus, which has data only since ${minute(report.watchedSince)} UTC`
  const first = report.users?.[0]

  return [
    `${paint("bold", "Costs of model calls")}, ${minute(start)} to ${minute(end)} UTC`,
    totalEur === null
      ? `Spent: ${paint("dim", "no data")}`
      : `Spent: ${eur(totalEur)}. A month of 30 days like this: ${eur(monthEur)}${pace}.`,
    section(
      "By model",
      rows(report.models, ["Model", "Spent", "Left no answer", "Calls", "Input tokens", "Output tokens"], (one) => [
        one.model,
        small(one.costEur),
        small(one.unansweredEur),
        count(one.calls),
        count(one.inputTokens),
        count(one.outputTokens)
      ])
    ),
    section(
      `By what came of it (${counted})`,
      rows(report.kinds, ["Kind", "Spent"], (one) => [one.kind, small(one.costEur)])
    ),
    section(
      `By route (${counted}; an estimate: as if all answered turns cost the same)`,
      rows(report.routes, ["Route", "Spent", "Turns"], (one) => [one.route, small(one.costEur), count(one.turns)])
    ),
    section(
      `By user (${report.people === null ? "no data" : `${count(report.users?.length ?? 0)} of ${count(report.people)}, the most expensive first`})`,
      rows(report.users, ["User", "Spent", "In a month", "Calls", ""], (one) => [
        one.pseudonym,
        small(one.costEur),
        small(one.monthEur),
        count(one.calls),
        level(one.monthEur)
      ])
    ),
    ...(first === undefined
      ? []
      : [paint("dim", `To find the account, with access to the database: ${CostsRepo.lookup(first.pseudonym)}`)]),
    section(
      "Findings (the dearest first; some are about the same money, so do not add them up)",
      yield* findings(report)
    ),
    ...report.missing.map(({ reason, what }) => paint("yellow", `No data: ${what}. ${reason}.`))
  ].join("\n\n")
})

const findings = Effect.fnUntraced(function* ({ findings, missing, totalEur }: Report) {
  const { paint } = yield* Paint
  if (findings.length === 0) {
    if (totalEur === null) return paint("dim", "no data")
    return missing.length === 0
      ? paint("green", "Nothing found that would save a cent a month.")
      : "Nothing found that would save a cent a month, of what could be looked at."
  }
  return findings
    .map(({ assumption, eurPerMonth, todo, what }, index) =>
      [
        `${index + 1}. ${paint("bold", `${eur(eurPerMonth)} a month`)}: ${what}.`,
        `   If: ${assumption}.`,
        `   Do: ${todo}.`
      ].join("\n")
    )
    .join("\n")
})
