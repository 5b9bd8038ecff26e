/** What ECharts is told of a chart. */
import type { EChartsCoreOption } from "echarts/core"
import type { Chart, Mark } from "./Chart.ts"
import { colorOf, theme } from "./theme.ts"
import { formatted } from "./units.ts"

type Of<Kind extends Chart["kind"]> = Extract<Chart, { readonly kind: Kind }>

export const optionOf = (chart: Chart): EChartsCoreOption => {
  switch (chart.kind) {
    case "lines":
      return lines(chart)
    case "bars":
      return bars(chart)
    case "numbers":
      return numbers(chart)
    case "dial":
      return dial(chart)
  }
}

const shared = ({ title }: Chart) => ({
  animation: false,
  backgroundColor: theme.background,
  textStyle: { fontFamily: theme.font, color: theme.text },
  color: [...theme.series],
  title: {
    text: title,
    left: 12,
    top: 8,
    textStyle: { fontFamily: theme.font, fontSize: 14, fontWeight: 600, color: theme.text }
  }
})

const label = { fontFamily: theme.font, fontSize: 11, color: theme.faint }

const centred = (text: string, size: number, color: string) => ({
  text,
  left: "center",
  top: "middle",
  textStyle: { fontFamily: theme.font, fontSize: size, fontWeight: 600, color }
})

/** Where there is nothing to see it says so, as nothing could be mistaken for 0. */
const noData = (chart: Chart) => {
  const { title, ...rest } = shared(chart)
  return { ...rest, title: [title, centred("no data", 16, theme.faint)] }
}

const linesPerLegend = 3
const mostInLegend = 9

const lines = (chart: Of<"lines">): EChartsCoreOption => {
  const { decimals, height, marks = [], max, series, stacked = false, unit, width } = chart
  if (series.every(({ points }) => points.every(([, value]) => !Number.isFinite(value)))) return noData(chart)
  const named = series.slice(0, mostInLegend)
  const rows = Math.ceil(named.length / linesPerLegend)
  const values = series.flatMap(({ points }) => points.map(([, value]) => value).filter(Number.isFinite))
  const last = new Map(series.map(({ name, points }) => [name, points.findLast(([, value]) => Number.isFinite(value))?.[1]]))
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
      formatter: (name: string) => `${name}  ${formatted(last.get(name), unit, decimals)}`,
      textStyle: {
        ...label,
        width: (width - 24) / Math.min(named.length, linesPerLegend) - 28,
        overflow: "truncate"
      }
    },
    xAxis: {
      type: "time",
      axisLabel: { ...label, formatter: "{HH}:{mm}", hideOverlap: true },
      axisLine: { lineStyle: { color: theme.border } },
      splitNumber: 5
    },
    yAxis: {
      type: "value",
      min: 0,
      max: max ?? (stacked || Math.max(...values) > top || marks.length === 0 ? undefined : top),
      splitNumber: 4,
      axisLabel: { ...label, showMaxLabel: max === undefined && !(marks.length > 0 && Math.max(...values) <= top) ? undefined : false, formatter: (value: number) => formatted(value, unit) },
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

const markLine = (marks: ReadonlyArray<Mark>, unit: string) => ({
  silent: true,
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

const bars = (chart: Of<"bars">): EChartsCoreOption => {
  const { decimals, unit } = chart
  if (chart.bars.length === 0) return noData(chart)
  // ECharts begins at the bottom.
  const all = chart.bars.toReversed()
  return {
    ...shared(chart),
    grid: { left: 120, right: 76, top: 42, bottom: 14 },
    xAxis: { type: "value", min: 0, show: false },
    yAxis: {
      type: "category",
      data: all.map(({ name }) => name),
      axisLabel: { ...label, width: 104, overflow: "truncate" },
      axisLine: { show: false },
      axisTick: { show: false }
    },
    series: [
      {
        type: "bar",
        data: all.map(({ value }) => value),
        barMaxWidth: 22,
        showBackground: true,
        backgroundStyle: { color: theme.grid },
        label: {
          show: true,
          position: "right",
          fontFamily: theme.font,
          fontSize: 12,
          color: theme.text,
          formatter: ({ value }: { readonly value: number }) => formatted(value, unit, decimals)
        }
      }
    ]
  }
}

const colorAt = (value: number | undefined, marks: ReadonlyArray<Mark>) =>
  value === undefined || !Number.isFinite(value)
    ? theme.faint
    : colorOf(marks.findLast((mark) => value >= mark.value)?.color ?? theme.text)

const numbers = (chart: Of<"numbers">): EChartsCoreOption => {
  const { decimals, height, marks = [], unit, width } = chart
  const { title, ...rest } = shared(chart)
  const all = chart.numbers
  if (all.length === 0) return noData(chart)
  const size = Math.min(32, (height - 44) / all.length - (all.length > 1 ? 22 : 8))
  const each = (height - 44) / all.length
  return {
    ...rest,
    title: [
      { ...title, textStyle: { ...title.textStyle, fontSize: 13, width: width - 20, overflow: "truncate" } },
      ...all.map(({ name, text, value }, index) => ({
        text: text ?? formatted(value, unit, decimals),
        subtext: all.length > 1 ? name : "",
        itemGap: 1,
        left: "center",
        top: 38 + each * index + (each - size - (all.length > 1 ? 22 : 6)) / 2,
        textStyle: {
          fontFamily: theme.font,
          fontSize: size,
          fontWeight: 600,
          color: text === undefined ? colorAt(value, marks) : theme.text
        },
        subtextStyle: label
      }))
    ]
  }
}

const dial = (chart: Of<"dial">): EChartsCoreOption => {
  const { decimals, height, marks, max, unit, value } = chart
  const colors = marks.map(({ color }, index) => [Math.min(1, (marks[index + 1]?.value ?? max) / max), colorOf(color)])
  const isKnown = value !== undefined && Number.isFinite(value)
  return {
    ...shared(chart),
    series: [
      {
        type: "gauge",
        min: 0,
        max,
        startAngle: 200,
        endAngle: -20,
        center: ["50%", "66%"],
        radius: Math.min(height * 0.5, chart.width * 0.42),
        progress: { show: isKnown, width: 16, itemStyle: { color: colorAt(value, marks) } },
        axisLine: { lineStyle: { width: 16, color: [[1, theme.grid]] } },
        pointer: { show: false },
        axisTick: { show: false },
        splitLine: { show: false },
        axisLabel: { show: false },
        detail: {
          offsetCenter: [0, "-8%"],
          fontFamily: theme.font,
          fontSize: 24,
          fontWeight: 600,
          color: colorAt(value, marks),
          formatter: () => formatted(value, unit, decimals)
        },
        title: { offsetCenter: [0, "32%"], ...label },
        data: [{ value: isKnown ? value : 0, name: `of ${formatted(max, unit)}` }]
      },
      {
        // Where the colours change.
        type: "gauge",
        min: 0,
        max,
        startAngle: 200,
        endAngle: -20,
        center: ["50%", "66%"],
        radius: Math.min(height * 0.5, chart.width * 0.42) + 6,
        axisLine: { lineStyle: { width: 4, color: colors } },
        pointer: { show: false },
        axisTick: { show: false },
        splitLine: { show: false },
        axisLabel: { show: false },
        detail: { show: false },
        data: []
      }
    ]
  }
}
