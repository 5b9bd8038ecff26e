/** A report as a table for a terminal. */
import pc from "picocolors"
import { notices, remarks, verdict } from "../Report/notices.ts"
import type { MetricReport, Report } from "../Report/Report.ts"
import { amount, euros, interval, millis, modelName, none, passRate, percent, plural } from "../Report/words.ts"

type Paint = (text: string) => string
const plain: Paint = (text) => text

const colours: Readonly<Record<MetricReport["outcome"], Paint>> = {
  met: pc.green,
  missed: pc.red,
  "not evaluated": pc.yellow,
  "no threshold": pc.dim
}

const headings = ["metric", "n", "mean", "95 % interval", "pass rate", "threshold", "verdict"]

const row = (metric: MetricReport): ReadonlyArray<string> => {
  const { direction, interval: bounds, isClose, mean, n, name, outcome, threshold, unit } = metric
  const bound = threshold === undefined ? none : `${direction === "higher" ? "≥" : "≤"} ${amount(threshold, unit)}`
  return [
    name,
    String(n),
    amount(mean, unit),
    interval(bounds, unit),
    metric.passRate === undefined ? none : percent(metric.passRate.rate),
    bound,
    isClose ? `${outcome}, close` : outcome
  ]
}

const table = (metrics: ReadonlyArray<MetricReport>): ReadonlyArray<string> => {
  const rows = metrics.map(row)
  const widths = headings.map((heading, column) =>
    Math.max(heading.length, ...rows.map((cells) => cells[column]?.length ?? 0))
  )
  const line = (cells: ReadonlyArray<string>, paintOf: (column: number) => Paint) =>
    `  ${cells
      .map((cell, column) => {
        const width = widths[column] ?? 0
        // Numbers end at the same place, names begin there.
        const padded = column >= 1 && column <= 2 ? cell.padStart(width) : cell.padEnd(width)
        return paintOf(column)(padded)
      })
      .join("  ")
      .trimEnd()}`
  return [
    line(headings, () => pc.dim),
    ...rows.map((cells, index) =>
      line(cells, (column) => (column === headings.length - 1 ? colours[metrics[index]?.outcome ?? "met"] : plain))
    )
  ]
}

const verdictColours: Readonly<Record<Report["gate"]["verdict"], Paint>> = {
  passed: pc.green,
  missed: pc.red,
  "not judged": pc.yellow
}

export const summary = (report: Report): ReadonlyArray<string> => {
  const { agent, cost, gate, judge, metrics, source, successRate, timing, totals } = report
  const spent = [
    `judge ${euros(cost.judgeEur)}`,
    ...(cost.agentEur === undefined ? [] : [`answers ${euros(cost.agentEur)}`])
  ]
  return [
    "",
    `${pc.bold(plural(totals.samples, "sample"))} of ${source.description}, ${millis(timing.totalMillis)}, ${spent.join(", ")}`,
    ...(agent === undefined ? [] : [`  answered by ${modelName(agent)}`]),
    ...(judge === undefined ? [] : [`  judged by ${modelName(judge)}`]),
    "",
    ...table(metrics),
    "",
    `Success rate: ${passRate(successRate)}`,
    ...notices(report).map((notice) => pc.yellow(`! ${notice}`)),
    ...remarks(report).map((remark) => pc.dim(remark)),
    "",
    pc.bold(verdictColours[gate.verdict](verdict(gate))),
    ...gate.reasons.map((reason) => `  ${reason}`)
  ]
}
