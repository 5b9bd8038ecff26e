/** A dashboard as a picture, drawn from what Prometheus answers; not what Grafana shows, but of the same data. */
import { Clock, Effect } from "effect"
import type { Chart, Mark } from "../charts/Chart.ts"
import type { Placed, Sheet } from "../charts/Sheet.ts"
import type { client, Line } from "../test/Prometheus.ts"
import { type Dashboard, expanded, type Panel, type Target } from "./Dashboard.ts"

type Prometheus = ReturnType<typeof client>

/** Pixels: one of Grafana's 24 columns, and one of its units of height. */
const columnPixels = 55
const rowPixels = 30
const gap = 6

/** What Grafana does with a legend. */
const nameOf = ({ legendFormat = "" }: Target, { labels }: Line): string =>
  legendFormat === ""
    ? Object.entries(labels)
        .flatMap(([name, value]) => (name === "__name__" ? [] : [value]))
        .join(", ")
    : legendFormat.replaceAll(/\{\{(\w+)\}\}/gu, (_, label: string) => labels[label] ?? "")

const lastOf = ({ points }: Line) => points.findLast(([, value]) => Number.isFinite(value))?.[1]

const draw = Effect.fnUntraced(function* (prometheus: Prometheus, panel: Panel, endSeconds: number, seconds: number) {
  const stepSeconds = Math.max(1, Math.round(seconds / 120))
  const variables = { rateInterval: `${Math.max(20, 4 * stepSeconds)}s`, range: `${seconds}s` }
  const answers = yield* Effect.forEach(panel.targets ?? [], (target) => {
    const query = expanded(target.expr, variables)
    return Effect.map(
      target.instant === true ? prometheus.instant(query) : prometheus.range(query, endSeconds, seconds, stepSeconds),
      (lines) => lines.map((line) => ({ name: nameOf(target, line), line }))
    )
  })
  const found = answers.flat()
  const { custom, decimals, max, thresholds, unit = "short" } = panel.fieldConfig?.defaults ?? {}
  const { h, w } = panel.gridPos
  const shared = {
    title: panel.title,
    unit,
    ...(decimals === undefined ? {} : { decimals }),
    width: w * columnPixels - gap,
    height: h * rowPixels - gap
  }
  const levels = (thresholds?.steps ?? []).map(({ color, value }): Mark => ({ value: value ?? -Infinity, color }))
  const values = found.map(({ line, name }) => ({ name, value: lastOf(line) ?? Number.NaN }))
  const only = values[0]?.value
  switch (panel.type) {
    case "stat": {
      const isText = panel.options?.textMode === "name"
      return {
        kind: "numbers",
        ...shared,
        numbers:
          values.length === 0 ? [{ name: "" }] : values.map((one) => (isText ? { name: "", text: one.name } : one)),
        marks: levels
      } satisfies Chart
    }
    case "gauge":
      return {
        kind: "dial",
        ...shared,
        max: max ?? 1,
        marks: levels,
        ...(only === undefined ? {} : { value: only })
      } satisfies Chart
    case "bargauge":
    case "table":
      return { kind: "bars", ...shared, bars: values } satisfies Chart
    case "timeseries":
    case "state-timeline":
    case "row":
      return {
        kind: "lines",
        ...shared,
        series: found.map(({ line: { points }, name }) => ({ name, points })),
        marks: custom?.thresholdsStyle === undefined ? [] : levels.filter(({ value }) => value > 0),
        stacked: panel.type === "state-timeline" || custom?.stacking?.mode === "normal",
        ...(max === undefined ? {} : { max })
      } satisfies Chart
  }
})

/** Panels where they are on the dashboard, without its rows' titles. */
export const picture = Effect.fnUntraced(function* (
  prometheus: Prometheus,
  dashboard: Dashboard,
  options: { readonly seconds: number; readonly note: string }
) {
  const charts: Array<Placed> = []
  // One for all, so that series of several expressions have the same moments.
  const endSeconds = Math.floor((yield* Clock.currentTimeMillis) / 1000)
  let titles = 0
  let height = 0
  for (const panel of dashboard.panels) {
    const { h, w, x, y } = panel.gridPos
    const last = charts.at(-1)
    if (panel.type === "row") titles += 1
    else if (panel.type === "table" && (panel.targets ?? []).length > 1 && last !== undefined) {
      // No chart shows several columns: what is beside it gets its place.
      charts[charts.length - 1] = { ...last, chart: { ...last.chart, width: last.chart.width + w * columnPixels } }
    } else {
      const top = (y - titles) * rowPixels
      charts.push({
        chart: yield* draw(prometheus, panel, endSeconds, options.seconds),
        x: x * columnPixels + gap,
        y: top
      })
      height = Math.max(height, top + h * rowPixels)
    }
  }
  const sheet: Sheet = { title: dashboard.title, note: options.note, width: 24 * columnPixels + gap, height, charts }
  return sheet
})
