/** The kinds of panels: what is said of each, in the words of this file, becomes what Grafana calls it. */
import * as bargauge from "@grafana/grafana-foundation-sdk/bargauge"
import type * as cog from "@grafana/grafana-foundation-sdk/cog"
import * as common from "@grafana/grafana-foundation-sdk/common"
import * as dashboard from "@grafana/grafana-foundation-sdk/dashboard"
import * as gauge from "@grafana/grafana-foundation-sdk/gauge"
import * as prometheus from "@grafana/grafana-foundation-sdk/prometheus"
import * as stat from "@grafana/grafana-foundation-sdk/stat"
import * as statetimeline from "@grafana/grafana-foundation-sdk/statetimeline"
import * as table from "@grafana/grafana-foundation-sdk/table"
import * as timeseries from "@grafana/grafana-foundation-sdk/timeseries"
import { type Limits, limits } from "./limits.ts"

export type Panel = cog.Builder<dashboard.Panel>

export interface Query {
  readonly expr: string
  /** `{{label}}` is the value of a label. */
  readonly legend?: string
  /** With the traces that are kept for single measurements; of histograms alone. */
  readonly exemplar?: boolean
}

export interface Spec {
  /** For good: links to a panel name it. */
  readonly id: number
  readonly title: string
  /** What it answers, and what to do about it. */
  readonly description: string
  /** As Grafana names units. */
  readonly unit: string
  readonly queries: ReadonlyArray<Query>
  readonly limits?: Limits
  readonly decimals?: number
  readonly max?: number
  /** Of 24. */
  readonly width: number
  readonly height?: number
  /** The uid of the dashboard that tells more. */
  readonly more?: string
}

export const datasource = { type: "prometheus", uid: "${datasource}" }

const target = (query: Query, index: number) =>
  new prometheus.DataqueryBuilder()
    .refId(String.fromCharCode(65 + index))
    .datasource(datasource)
    .expr(query.expr)
    .legendFormat(query.legend ?? "")
    .editorMode(prometheus.QueryEditorMode.Code)

const thresholds = ({ base, steps }: Limits) =>
  new dashboard.ThresholdsConfigBuilder()
    .mode(dashboard.ThresholdsMode.Absolute)
    .steps([{ value: null, color: base }, ...steps.map(([value, color]) => ({ value, color }))])

const last = () => new common.ReduceDataOptionsBuilder().calcs(["lastNotNull"]).values(false)

/** What all kinds share. Every kind's builder has these methods, but no common type that says so. */
interface Common {
  readonly id: (id: number) => this
  readonly title: (title: string) => this
  readonly description: (description: string) => this
  readonly datasource: (datasource: common.DataSourceRef) => this
  readonly unit: (unit: string) => this
  readonly noValue: (text: string) => this
  readonly min: (min: number) => this
  readonly max: (max: number) => this
  readonly decimals: (decimals: number) => this
  readonly span: (width: number) => this
  readonly height: (height: number) => this
  readonly thresholds: (thresholds: cog.Builder<dashboard.ThresholdsConfig>) => this
  readonly targets: (targets: Array<cog.Builder<cog.Dataquery>>) => this
  readonly links: (links: Array<cog.Builder<dashboard.DashboardLink>>) => this
}

const filled = <B extends Common>(
  builder: B,
  spec: Spec,
  height: number,
  targets: Array<cog.Builder<cog.Dataquery>>
) => {
  builder
    .id(spec.id)
    .title(spec.title)
    .description(spec.description)
    .datasource(datasource)
    .unit(spec.unit)
    .noValue("no data")
    .span(spec.width)
    .height(spec.height ?? height)
    .thresholds(thresholds(spec.limits ?? limits.none))
    .targets(targets)
  if (spec.max !== undefined) builder.max(spec.max)
  if (spec.decimals !== undefined) builder.decimals(spec.decimals)
  if (spec.more !== undefined) {
    const url = `/d/${spec.more}?\${__url_time_range}&\${datasource:queryparam}`
    builder.links([new dashboard.DashboardLinkBuilder("More").type(dashboard.DashboardLinkType.Link).url(url)])
  }
  return builder
}

/** Now, without what was before. */
const instant = ({ queries }: Spec) => queries.map((query, index) => target(query, index).instant())
const range = ({ queries }: Spec) =>
  queries.map((query, index) =>
    target(query, index)
      .range()
      .exemplar(query.exemplar ?? false)
  )

/** How something went. */
export const lines = (spec: Spec & { readonly stacked?: boolean; readonly bars?: boolean }): Panel => {
  const { bars = false, stacked = false } = spec
  const builder = filled(new timeseries.PanelBuilder(), spec, 8, range(spec))
    .min(0)
    .drawStyle(bars ? common.GraphDrawStyle.Bars : common.GraphDrawStyle.Line)
    .fillOpacity(stacked || bars ? 60 : 10)
    .lineWidth(bars ? 0 : 2)
    .showPoints(common.VisibilityMode.Never)
    .stacking(new common.StackingConfigBuilder().mode(stacked ? common.StackingMode.Normal : common.StackingMode.None))
    .tooltip(new common.VizTooltipOptionsBuilder().mode(common.TooltipDisplayMode.Multi))
    .legend(
      new common.VizLegendOptionsBuilder()
        .displayMode(common.LegendDisplayMode.Table)
        .placement(common.LegendPlacement.Bottom)
        .showLegend(true)
        .calcs(["lastNotNull", "max"])
    )
  if (spec.limits !== undefined) {
    const highest = Math.max(...spec.limits.steps.map(([value]) => value))
    builder
      .axisSoftMax(highest * 1.1)
      .thresholdsStyle(new common.GraphThresholdsStyleConfigBuilder().mode(common.GraphThresholdsStyleMode.Dashed))
  }
  return builder
}

/** Numbers, with how they went behind them. */
export const number = (spec: Spec & { readonly text?: "name" }): Panel =>
  filled(new stat.PanelBuilder(), spec, 4, range(spec))
    .reduceOptions(last())
    .graphMode(spec.text === "name" ? common.BigValueGraphMode.None : common.BigValueGraphMode.Area)
    .colorMode(common.BigValueColorMode.Value)
    .textMode(spec.text === "name" ? common.BigValueTextMode.Name : common.BigValueTextMode.Auto)

/** A number between 0 and `max`. */
export const dial = (spec: Spec & { readonly max: number }): Panel =>
  filled(new gauge.PanelBuilder(), spec, 8, range(spec)).min(0).reduceOptions(last()).showThresholdLabels(true)

/** Numbers of now, beside each other. */
export const ranking = (spec: Spec): Panel =>
  filled(new bargauge.PanelBuilder(), spec, 8, instant(spec))
    .min(0)
    .reduceOptions(last())
    .orientation(common.VizOrientation.Horizontal)
    .displayMode(common.BarGaugeDisplayMode.Basic)

/** What was the case when. */
export const states = (spec: Spec): Panel =>
  filled(new statetimeline.PanelBuilder(), spec, 8, range(spec))
    .showValue(common.VisibilityMode.Never)
    .mergeValues(true)

export interface Column {
  readonly name: string
  readonly unit?: string
}

/** Rows of labels and numbers: each query is a column of numbers, called by its letter. */
export const rows = (
  spec: Spec & { readonly labels: Readonly<Record<string, string>>; readonly columns: ReadonlyArray<Column> }
): Panel => {
  const targets = spec.queries.map((query, index) =>
    target(query, index).instant().format(prometheus.PromQueryFormat.Table)
  )
  const fieldOf = (index: number) => (spec.queries.length === 1 ? "Value" : `Value #${String.fromCharCode(65 + index)}`)
  const renamed = Object.fromEntries(spec.columns.map(({ name }, index) => [fieldOf(index), name]))
  const builder = filled(new table.PanelBuilder(), spec, 8, targets)
    .withTransformation({ id: "merge", options: {} })
    .withTransformation({
      id: "organize",
      options: { excludeByName: { Time: true }, indexByName: {}, renameByName: { ...spec.labels, ...renamed } }
    })
  for (const { name, unit } of spec.columns) {
    if (unit !== undefined) builder.overrideByName(name, [{ id: "unit", value: unit }])
  }
  return builder
}
