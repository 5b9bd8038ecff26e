/** The report as Markdown: for a pull request or a chat, so it has no more of samples than where to look. */
import { escapeMarkdown } from "./markup.ts"
import { notices, type Ranked, remarks, slowest, verdict, worst } from "./notices.ts"
import type { MetricReport, Report } from "./Report.ts"
import { amount, euros, instant, interval, millis, modelName, none, passRate } from "./words.ts"

const row = (...cells: ReadonlyArray<string>) => `| ${cells.join(" | ")} |`

export const markdown = (report: Report): string => {
  const { agent, cost, gate, git, judge, overall, runId, source, successRate, timing, totals } = report
  return [
    `# Evaluation: ${verdict(gate)}`,
    "",
    `${instant(report.startedAt)}, ${source.kind}: ${escapeMarkdown(source.description)}`,
    "",
    ...notices(report).flatMap((notice) => [`> ${notice}`, ""]),
    ...remarks(report).flatMap((remark) => [remark, ""]),
    ...gate.reasons.map((reason) => `- ${escapeMarkdown(reason)}`),
    ...(gate.reasons.length > 0 ? [""] : []),
    row("Metric", "Mean", "95 % interval", "Threshold", "Values that pass", "n", "Outcome"),
    row("---", "---:", "---", "---:", "---", "---:", "---"),
    ...report.metrics.map(metricRow),
    "",
    `- Success rate: ${passRate(successRate)} of samples meet every threshold`,
    `- Overall: ${overall === undefined ? none : overall.toFixed(2)} (weighted, 1 is best)`,
    `- Evaluations: ${totals.scored} of ${totals.evaluations} scored, ${totals.failed} failed, ${totals.notApplicable} not applicable, ${totals.cached} from the cache`,
    `- Cost: judge ${euros(cost.judgeEur)}${cost.agentEur === undefined ? "" : `, answers ${euros(cost.agentEur)}`}`,
    `- Time: ${millis(timing.totalMillis)}${quantiles("evaluation", timing.judge)}${quantiles("answer", timing.answer)}`,
    `- Answers by ${escapeMarkdown(modelName(agent))}, judged by ${escapeMarkdown(modelName(judge))}`,
    `- Run ${escapeMarkdown(runId)}, commit ${git === undefined ? none : `${escapeMarkdown(git.commit)}${git.isDirty ? ", with changes that are not committed" : ""}`}`,
    "",
    ...ranking("Lowest scores", worst(report), (value) => value.toFixed(2)),
    ...ranking("Slowest answers", slowest(report), millis)
  ].join("\n")
}

const metricRow = (metric: MetricReport) => {
  const { direction, failed, isClose, mean, n, name, outcome, threshold, unit } = metric
  return row(
    `${escapeMarkdown(name)} (${direction} is better)`,
    amount(mean, unit),
    interval(metric.interval, unit),
    threshold === undefined ? none : `${direction === "higher" ? "≥" : "≤"} ${amount(threshold, unit)}`,
    metric.passRate === undefined ? none : passRate(metric.passRate).replace(/</gu, "&lt;"),
    failed === 0 ? String(n) : `${n} (${failed} failed)`,
    isClose ? `${outcome}, close` : outcome
  )
}

const quantiles = (name: string, { p50, p95 }: { readonly p50?: number; readonly p95?: number }) =>
  p50 === undefined || p95 === undefined ? "" : `; ${name} p50 ${millis(p50)}, p95 ${millis(p95)}`

const ranking = (title: string, rows: ReadonlyArray<Ranked>, told: (value: number) => string) =>
  rows.length === 0
    ? []
    : [`## ${title}`, "", ...rows.map(({ trace, value }) => `1. ${escapeMarkdown(trace.id)}: ${told(value)}`), ""]
