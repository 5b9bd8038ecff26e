/** Plots as inline SVG. Colours are classes, so that they follow the page into the dark. */
import { meets } from "./gate.ts"
import { html, type Markup } from "./markup.ts"
import type { MetricReport } from "./Report.ts"
import { amount, interval, plural } from "./words.ts"

/** The end of the axis: 1 for scores; else what is to be seen, with some air. */
const endOf = ({ histogram, interval, mean, threshold, unit }: MetricReport) =>
  unit === "score"
    ? 1
    : 1.05 *
      Math.max(1e-9, interval?.high ?? 0, mean ?? 0, threshold ?? 0, unit === "ms" ? 0 : (histogram.at(-1)?.to ?? 0))

/** Where a line of 220 has the mean, its interval and the threshold; the side that passes is tinted. */
export const meanPlot = (metric: MetricReport): Markup => {
  const { direction, mean, outcome, threshold, unit } = metric
  if (mean === undefined) return html``
  const x = (value: number) => (4 + 212 * Math.min(Math.max(value / endOf(metric), 0), 1)).toFixed(1)
  const side =
    threshold === undefined ? undefined : direction === "higher" ? [x(threshold), "216"] : ["4", x(threshold)]
  const described = `mean ${amount(mean, unit)}, 95 % interval ${interval(metric.interval, unit)}, threshold ${amount(threshold, unit)}`
  return html`<svg class="mean ${outcome.replace(" ", "-")}" viewBox="0 0 220 26" role="img" aria-label="${described}">
    <line class="axis" x1="4" x2="216" y1="13" y2="13" />
    ${
      side &&
      html`<rect
        class="pass"
        x="${side[0]}"
        y="5"
        width="${(Number(side[1]) - Number(side[0])).toFixed(1)}"
        height="16"
        rx="3"
      />`
    }${
      metric.interval &&
      html`<line class="interval" x1="${x(metric.interval.low)}" x2="${x(metric.interval.high)}" y1="13" y2="13" />`
    }${threshold !== undefined && html`<line class="threshold" x1="${x(threshold)}" x2="${x(threshold)}" y1="2" y2="24" />`}
    <circle cx="${x(mean)}" cy="13" r="5" />
  </svg>`
}

/** How many samples scored what. */
export const histogramPlot = (metric: MetricReport): Markup => {
  const { direction, histogram, name, threshold, unit } = metric
  const first = histogram[0]
  const last = histogram.at(-1)
  if (first === undefined || last === undefined) return html`<p class="faint">No values.</p>`
  const most = Math.max(...histogram.map(({ count }) => count))
  const width = 300 / histogram.length
  const at = (value: number) => 10 + (300 * (value - first.from)) / (last.to - first.from)
  const bars = histogram.map(({ count, from, to }, index) => {
    const height = (90 * count) / most
    const isMissed = threshold !== undefined && !meets(direction === "higher" ? to : from, direction, threshold)
    const left = 10 + index * width
    return html`<rect
        class="bar${isMissed ? " below" : ""}"
        x="${(left + 1).toFixed(1)}"
        y="${(110 - height).toFixed(1)}"
        width="${(width - 2).toFixed(1)}"
        height="${height.toFixed(1)}"
        rx="2"
        ><title>${amount(from, unit)} to ${amount(to, unit)}: ${plural(count, "sample")}</title></rect
      >${
        count > 0 &&
        html`<text x="${(left + width / 2).toFixed(1)}" y="${(106 - height).toFixed(1)}" text-anchor="middle"
          >${count}</text
        >`
      }`
  })
  const isInView = threshold !== undefined && threshold >= first.from && threshold <= last.to
  const told = histogram
    .filter(({ count }) => count > 0)
    .map(({ count, from, to }) => `${amount(from, unit)} to ${amount(to, unit)}: ${count}`)
  return html`<svg class="histogram" viewBox="0 0 320 130" role="img" aria-label="${name}: ${told.join("; ")}">
    <line class="axis" x1="10" x2="310" y1="110.5" y2="110.5" />
    ${bars}${
      isInView &&
      html`<line class="threshold" x1="${at(threshold).toFixed(1)}" x2="${at(threshold).toFixed(1)}" y1="4" y2="114" />`
    }
    <text x="10" y="126">${amount(first.from, unit)}</text>
    <text x="310" y="126" text-anchor="end">${amount(last.to, unit)}</text>
  </svg>`
}
