/** The samples one by one, as far as the page shows them. */
import type { Unit } from "../Evaluation.ts"
import { html, type Markup } from "./markup.ts"
import { goodness, type Ranked } from "./notices.ts"
import type { EvaluationReport, MetricReport, Report, TraceReport } from "./Report.ts"
import { amount, euros, millis, none } from "./words.ts"

const outcomeOf = ({ error, notApplicable, passed, score }: EvaluationReport): string => {
  if (error !== undefined) return "failed"
  if (notApplicable !== undefined) return "not applicable"
  if (score === undefined || passed === undefined) return "no threshold"
  return passed ? "met" : "missed"
}

const evaluationRow = (evaluation: EvaluationReport, unit: Unit): Markup => {
  const { attempts, costEur, error, isCached, latencyMillis, metric, notApplicable, reasoning, score } = evaluation
  const outcome = outcomeOf(evaluation)
  const told = [
    ...(reasoning === undefined ? [] : [reasoning]),
    ...(error === undefined ? [] : [error.message === undefined ? error.kind : `${error.kind}: ${error.message}`]),
    ...(notApplicable === undefined ? [] : [notApplicable])
  ]
  return html`<tr>
    <th scope="row">${metric}</th>
    <td data-label="Value" class="number">${amount(score, unit)}</td>
    <td data-label="Outcome"><span class="badge ${outcome.replace(" ", "-")}">${outcome}</span></td>
    <td data-label="Attempts" class="number">${attempts}${isCached && " (cached)"}</td>
    <td data-label="Took" class="number">${latencyMillis === undefined ? none : millis(latencyMillis)}</td>
    <td data-label="Cost" class="number">${euros(costEur)}</td>
    <td data-label="Why">${told.join(" ") || none}</td>
  </tr>`
}

const texts = ({ content }: TraceReport): ReadonlyArray<Markup> =>
  content === undefined
    ? []
    : (["input", "output", "expected", "context"] as const).flatMap((name) => {
        const text = content[name]
        return text === undefined
          ? []
          : [
              html`<h3>${name[0]?.toUpperCase()}${name.slice(1)}</h3>
                <pre>${text}</pre>`
            ]
      })

/** Samples are linked to by their place: an id may hold anything. */
export const traceAnchor = (index: number): string => `sample-${index + 1}`

export const traceDetails = (trace: TraceReport, index: number, metrics: ReadonlyArray<MetricReport>): Markup => {
  const places = new Map(metrics.map(({ name }, place) => [name, place]))
  const unitOf = (name: string) => metrics[places.get(name) ?? -1]?.unit ?? "score"
  const those = (outcomes: ReadonlyArray<string>) =>
    trace.evaluations
      .filter((evaluation) => outcomes.length === 0 || outcomes.includes(outcomeOf(evaluation)))
      .map(({ metric }) => places.get(metric))
      .join(" ")
  const chips = trace.evaluations
    .filter((evaluation) => ["missed", "failed"].includes(outcomeOf(evaluation)))
    .map((evaluation) => {
      const value = evaluation.score === undefined ? "failed" : amount(evaluation.score, unitOf(evaluation.metric))
      return html`<span class="badge ${outcomeOf(evaluation)}">${evaluation.metric} ${value}</span>`
    })
  if (trace.error !== undefined) chips.unshift(html`<span class="badge failed">no answer</span>`)
  const score = goodness(trace, metrics)
  return html`<details
    class="trace"
    id="${traceAnchor(index)}"
    data-id="${trace.id}"
    data-any="${those([])}"
    data-missed="${those(["missed"])}"
    data-failed="${those(["failed"])}"
  >
    <summary>
      <span class="id">${trace.id}</span
      ><span class="faint"
        >score
        ${score === undefined ? none : score.toFixed(2)}${
          trace.group !== undefined && ` · ${trace.group}`
        }${trace.latencyMillis !== undefined && ` · ${millis(trace.latencyMillis)}`}</span
      >${chips}
    </summary>
    <div class="inside">
      ${texts(trace)}${trace.error?.message !== undefined && html`<p>No answer: ${trace.error.message}</p>`}
      <table class="stack">
        <caption>
          Evaluations of ${trace.id}
        </caption>
        <thead>
          <tr>
            <th scope="col">Metric</th>
            <th scope="col" class="number">Value</th>
            <th scope="col">Outcome</th>
            <th scope="col" class="number">Attempts</th>
            <th scope="col" class="number">Took</th>
            <th scope="col" class="number">Cost</th>
            <th scope="col">Why</th>
          </tr>
        </thead>
        <tbody>
          ${trace.evaluations.map((evaluation) => evaluationRow(evaluation, unitOf(evaluation.metric)))}
        </tbody>
      </table>
    </div>
  </details>`
}

export const rankedList = (
  title: string,
  { traces }: Report,
  rows: ReadonlyArray<Ranked>,
  told: (value: number) => string
) =>
  html`<div class="card">
    <h3>${title}</h3>
    ${
      rows.length === 0
        ? html`<p class="faint">Not known.</p>`
        : html`<table>
            <thead>
              <tr>
                <th scope="col">Sample</th>
                <th scope="col" class="number">${title === "Slowest answers" ? "Took" : "Score"}</th>
              </tr>
            </thead>
            <tbody>
              ${rows.map(
                ({ trace, value }) =>
                  html`<tr>
                    <td><a href="#${traceAnchor(traces.indexOf(trace))}">${trace.id}</a></td>
                    <td class="number">${told(value)}</td>
                  </tr>`
              )}
            </tbody>
          </table>`
    }
  </div>`
