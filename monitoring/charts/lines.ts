/** How something went, with the lines it should stay below or above. */
import type { EChartsCoreOption } from "echarts/core"
import type { Mark, Series } from "./Chart.ts"
import { label, noData, type Of, shared } from "./common.ts"
import { colorOf, theme } from "./theme.ts"
import { formatted } from "./units.ts"

const mostInLegend = 8
const letterPixels = 6.2

/** In how many columns a legend fits, and the letters of a name there is room for, beside its value. */
const legendOf = (names: ReadonlyArray<string>, width: number) => {
  const longest = Math.min(30, Math.max(...names.map(({ length }) => length)))
  const columns = Math.min(4, Math.max(width > 300 ? 2 : 1, Math.floor(width / ((longest + 11) * letterPixels + 22))))
  return { rows: Math.ceil(names.length / columns), letters: Math.floor((width / columns - 22) / letterPixels) - 11 }
}

const shortened = (name: string, letters: number) =>
  name.length <= letters ? name : `…${name.slice(-Math.max(1, letters - 1))}`

/** What is stacked must have the same moments: where one series has none, it adds nothing. */
const aligned = (series: ReadonlyArray<Series>): ReadonlyArray<Series> => {
  const moments = [...new Set(series.flatMap(({ points }) => points.map(([millis]) => millis)))].toSorted(
    (a, b) => a - b
  )
  return series.map(({ name, points }) => {
    const values = new Map(points)
    return { name, points: moments.map((millis) => [millis, values.get(millis) ?? 0] as const) }
  })
}

export const lines = (chart: Of<"lines">): EChartsCoreOption => {
  const { decimals, height, marks = [], max, stacked = false, unit, width } = chart
  const series = stacked ? aligned(chart.series) : chart.series
  if (series.every(({ points }) => points.every(([, value]) => !Number.isFinite(value)))) return noData(chart)
  const named = series.slice(0, mostInLegend)
  const { letters, rows } = legendOf(
    named.map(({ name }) => name),
    width - 24
  )
  const values = series.flatMap(({ points }) => points.map(([, value]) => value).filter(Number.isFinite))
  const last = new Map(
    series.map(({ name, points }) => [name, points.findLast(([, value]) => Number.isFinite(value))?.[1]])
  )
  const moments = series.flatMap(({ points }) => points.map(([millis]) => millis))
  const minutes = (Math.max(...moments) - Math.min(...moments)) / 60_000
  const top = Math.max(...marks.map(({ value }) => value)) * 1.1
  return {
    ...shared(chart),
    grid: { left: 62, right: 18, top: 42, height: height - 42 - 34 - rows * 18 },
    legend: {
      bottom: 6,
      left: 12,
      width: width - 24,
      itemWidth: 14,
      itemHeight: 3,
      icon: "rect",
      itemGap: 8,
      data: named.map(({ name }) => name),
      formatter: (name: string) => `${shortened(name, letters)}  ${formatted(last.get(name), unit, decimals)}`,
      textStyle: label
    },
    xAxis: {
      type: "time",
      axisLabel: { ...label, formatter: minutes >= 10 ? "{HH}:{mm}" : "{HH}:{mm}:{ss}", hideOverlap: true },
      axisLine: { lineStyle: { color: theme.border } },
      splitNumber: 5
    },
    yAxis: {
      type: "value",
      min: 0,
      max: max ?? (stacked || Math.max(...values) > top || marks.length === 0 ? undefined : top),
      splitNumber: 4,
      axisLabel: {
        ...label,
        showMaxLabel: max === undefined && !(marks.length > 0 && Math.max(...values) <= top) ? undefined : false,
        formatter: (value: number) => formatted(value, unit)
      },
      splitLine: { lineStyle: { color: theme.grid } }
    },
    series: series.map(({ name, points }, index) => ({
      type: "line",
      name,
      data: points.map(([millis, value]) => [millis, Number.isFinite(value) ? value : null]),
      showSymbol: false,
      lineStyle: { width: stacked ? 1 : 2 },
      ...(stacked ? { stack: "all", areaStyle: { opacity: 0.55 } } : {}),
      ...(index === 0 ? { markLine: markLine(marks, unit) } : {})
    }))
  }
}

export const markLine = (marks: ReadonlyArray<Mark>, unit: string) => ({
  silent: true,
  // Else 0.005 would be drawn at 0.01.
  precision: 9,
  symbol: "none",
  data: marks.map(({ color, value }) => ({
    yAxis: value,
    lineStyle: { color: colorOf(color), type: "dashed", width: 1.5 },
    label: {
      position: "insideEndTop",
      formatter: formatted(value, unit),
      fontFamily: theme.font,
      fontSize: 11,
      color: colorOf(color)
    }
  }))
})
