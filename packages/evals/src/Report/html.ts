/** The report as one page that asks nobody for anything: styles, plots and the filter are in it. */
import { createHash } from "node:crypto"
import { html, Markup } from "./markup.ts"
import { foremost, notices, remarks, slowest, verdict, worst } from "./notices.ts"
import { histogramPlot, meanPlot } from "./plots.ts"
import type { MetricReport, Report } from "./Report.ts"
import { script, style } from "./style.ts"
import { rankedList, traceDetails } from "./traces.ts"
import { amount, euros, instant, interval, millis, modelName, none, passRate, percent, plural } from "./words.ts"

/** Were something to slip through the escaping, the page would still run this script alone and load nothing. */
const policy = `default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-${createHash("sha256").update(script).digest("base64")}'; base-uri 'none'; form-action 'none'`

export const page = (report: Report): string =>
  html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content="${policy}" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${verdict(report.gate)}: evaluation of ${instant(report.startedAt)}</title>
        ${new Markup(`<style>${style}</style>`)}
      </head>
      <body>
        <main>
          ${header(report)}${tiles(report)}
          <section aria-labelledby="metrics">
            <h2 id="metrics">Metrics</h2>
            <div class="card">${metricTable(report)}</div>
          </section>
          <section aria-labelledby="scores">
            <h2 id="scores">How values are spread</h2>
            <div class="cards">${report.metrics.map(spread)}</div>
          </section>
          <section aria-labelledby="look">
            <h2 id="look">Where to look first</h2>
            <div class="cards">
              ${rankedList("Lowest scores", report, worst(report), (value) => value.toFixed(2))}
              ${rankedList("Slowest answers", report, slowest(report), millis)}
            </div>
          </section>
          <section aria-labelledby="samples">
            <h2 id="samples">Samples</h2>
            ${filters(report)} ${samples(report)}
          </section>
          ${about(report)}
        </main>
        ${new Markup(`<script>${script}</script>`)}
      </body>
    </html> `.text

/** More makes a page that no browser likes. */
const mostSamples = 1000

const samples = (report: Report): Markup => {
  const shown = foremost(report, mostSamples)
  const left = report.traces.length - shown.length
  return html`${
    left > 0 &&
    html`<p class="remark">The ${shown.length} with the lowest scores. The JSON file has the other ${left} too.</p>`
  }${shown.map(({ index, trace }) => traceDetails(trace, index, report.metrics))}`
}

const header = (report: Report): Markup => {
  const { gate, source } = report
  return html`<header>
    <div class="top">
      <h1>Evaluation</h1>
      <span class="verdict ${gate.verdict.replace(" ", "-")}">${verdict(gate)}</span>
    </div>
    <p class="faint">${instant(report.startedAt)} · ${source.kind}: ${source.description}</p>
    ${
      gate.reasons.length > 0 &&
      html`<ul class="reasons">
        ${gate.reasons.map((reason) => html`<li>${reason}</li>`)}
      </ul>`
    }${notices(report).map((notice) => html`<p class="notice" role="note">${notice}</p>`)}${remarks(report).map((remark) => html`<p class="remark">${remark}</p>`)}
  </header>`
}

const tile = (name: string, value: string, more?: string): Markup =>
  html`<div class="tile">
    <dt>${name}</dt>
    <dd>${value}${more !== undefined && html`<small>${more}</small>`}</dd>
  </div>`

const tiles = ({ cost, overall, successRate, timing, totals }: Report): Markup => {
  const { high, low } = successRate.interval ?? {}
  return html`<dl class="tiles">
    ${tile("Success rate", percent(successRate.rate), `${successRate.passed} of ${plural(successRate.n, "sample")} met every threshold${low === undefined ? "" : `; ${percent(low)} to ${percent(high)}`}`)}
    ${tile("Overall", overall === undefined ? none : overall.toFixed(2), "weighted, 1 is best")}
    ${tile("Evaluations", String(totals.scored), `of ${totals.evaluations}; ${totals.failed} failed, ${totals.notApplicable} not applicable`)}
    ${tile("Judge's cost", euros(cost.judgeEur), cost.agentEur === undefined ? undefined : `the answers' ${euros(cost.agentEur)}`)}
    ${tile("Took", millis(timing.totalMillis), timing.judge.p50 === undefined ? undefined : `an evaluation ${millis(timing.judge.p50)}, p95 ${millis(timing.judge.p95 ?? 0)}`)}
    ${timing.answer.p50 !== undefined && tile("Answers", millis(timing.answer.p50), `median; p95 ${millis(timing.answer.p95 ?? 0)}`)}
  </dl>`
}

const metricTable = ({ metrics, resampling }: Report): Markup =>
  html`<table class="stack">
    <caption>
      Means with their ${percent(resampling.level)} interval (thick) and threshold (dashed); the tinted side passes.
    </caption>
    <thead>
      <tr>
        <th scope="col">Metric</th>
        <th scope="col" class="number">Mean</th>
        <th scope="col">Interval</th>
        <th scope="col" class="number">Threshold</th>
        <th scope="col">Values that pass</th>
        <th scope="col">Outcome</th>
      </tr>
    </thead>
    <tbody>
      ${metrics.map(metricRow)}
    </tbody>
  </table>`

const metricRow = (metric: MetricReport): Markup => {
  const { direction, failed, isClose, mean, n, name, notApplicable, outcome, threshold, unit, version } = metric
  const left = [...(failed > 0 ? [`${failed} failed`] : []), ...(notApplicable > 0 ? [`${notApplicable} n/a`] : [])]
  return html`<tr>
    <th scope="row">${name}<small>${direction} is better · version ${version}</small></th>
    <td data-label="Mean" class="number">
      ${amount(mean, unit)}<small class="close">n = ${n}${left.length > 0 && `, ${left.join(", ")}`}</small>
    </td>
    <td class="plot" data-label="Interval">
      ${meanPlot(metric)}<small class="close">${interval(metric.interval, unit)}</small>
    </td>
    <td data-label="Threshold" class="number">
      ${threshold === undefined ? none : `${direction === "higher" ? "≥" : "≤"} ${amount(threshold, unit)}`}
    </td>
    <td data-label="Values that pass">${metric.passRate === undefined ? none : passRate(metric.passRate)}</td>
    <td data-label="Outcome">
      <span class="badge ${outcome.replace(" ", "-")}">${outcome}</span
      >${isClose && html`<small class="close">close: the interval holds the threshold</small>`}
    </td>
  </tr>`
}

const spread = (metric: MetricReport): Markup =>
  html`<div class="card">
    <h3>${metric.name}</h3>
    <p class="faint">${metric.description}</p>
    ${histogramPlot(metric)}
    <p class="faint">median ${amount(metric.median, metric.unit)}, weight ${metric.weight}</p>
  </div>`

const filters = ({ metrics, traces }: Report): Markup =>
  html`<div class="filters" hidden>
    <label for="show"
      >Show<select id="show">
        <option value="all">all</option>
        <option value="missed">missed a threshold</option>
        <option value="failed">failed to evaluate</option>
      </select></label
    >
    <label for="metric"
      >Metric<select id="metric">
        <option value="">any</option>
        ${metrics.map(({ name }, place) => html`<option value="${place}">${name}</option>`)}
      </select></label
    >
    <label for="find">Sample<input id="find" type="search" placeholder="part of its id" /></label
    ><span id="count" class="faint" role="status">${traces.length}</span>
  </div>`

const about = ({
  agent,
  finishedAt,
  git,
  isContentIncluded,
  judge,
  resampling,
  runId,
  schemaVersion,
  startedAt
}: Report): Markup => {
  const rows = [
    ["Run", runId],
    ["Began, ended", `${instant(startedAt)}, ${instant(finishedAt)}`],
    ["Commit", git === undefined ? none : `${git.commit}${git.isDirty ? ", with changes that are not committed" : ""}`],
    ["Answers by", modelName(agent)],
    ["Judged by", modelName(judge)],
    ["Texts", isContentIncluded ? "included" : "left out; --include-content has them"],
    [
      "Intervals",
      `bootstrap over groups, ${plural(resampling.resamples, "resample")}, seed ${resampling.seed}; pass rates by Wilson`
    ],
    ["Format", `version ${schemaVersion}`]
  ] as const
  return html`<section aria-labelledby="about">
    <h2 id="about">About this run</h2>
    <div class="card">
      <dl class="about">
        ${rows.map(
          ([name, value]) =>
            html`<dt>${name}</dt>
              <dd>${value}</dd>`
        )}
      </dl>
    </div>
  </section>`
}
