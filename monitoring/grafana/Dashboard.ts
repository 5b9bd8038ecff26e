/** The dashboards as they stand in their files: what there is to ask Prometheus, and to draw. */
import { Schema } from "effect"

const Target = Schema.Struct({
  refId: Schema.String,
  expr: Schema.String,
  legendFormat: Schema.optionalKey(Schema.String),
  exemplar: Schema.optionalKey(Schema.Boolean),
  instant: Schema.optionalKey(Schema.Boolean),
  range: Schema.optionalKey(Schema.Boolean)
})
export type Target = typeof Target.Type

export const Panel = Schema.Struct({
  id: Schema.Int,
  type: Schema.Literals(["timeseries", "stat", "gauge", "bargauge", "table", "state-timeline", "row"]),
  title: Schema.String,
  description: Schema.optionalKey(Schema.String),
  gridPos: Schema.Struct({ x: Schema.Int, y: Schema.Int, w: Schema.Int, h: Schema.Int }),
  targets: Schema.optionalKey(Schema.Array(Target)),
  links: Schema.optionalKey(Schema.Array(Schema.Struct({ url: Schema.String }))),
  options: Schema.optionalKey(Schema.Struct({ textMode: Schema.optionalKey(Schema.String) })),
  fieldConfig: Schema.optionalKey(
    Schema.Struct({
      defaults: Schema.Struct({
        unit: Schema.optionalKey(Schema.String),
        decimals: Schema.optionalKey(Schema.Finite),
        max: Schema.optionalKey(Schema.Finite),
        noValue: Schema.optionalKey(Schema.String),
        thresholds: Schema.optionalKey(
          Schema.Struct({
            steps: Schema.Array(Schema.Struct({ value: Schema.NullOr(Schema.Finite), color: Schema.String }))
          })
        ),
        custom: Schema.optionalKey(
          Schema.Struct({
            stacking: Schema.optionalKey(Schema.Struct({ mode: Schema.String })),
            thresholdsStyle: Schema.optionalKey(Schema.Struct({ mode: Schema.String }))
          })
        )
      })
    })
  )
})
export type Panel = typeof Panel.Type

export const Dashboard = Schema.Struct({
  uid: Schema.String,
  title: Schema.String,
  schemaVersion: Schema.Int,
  time: Schema.Struct({ from: Schema.String, to: Schema.String }),
  panels: Schema.Array(Panel),
  templating: Schema.Struct({ list: Schema.Array(Schema.Struct({ name: Schema.String, type: Schema.String })) }),
  annotations: Schema.Struct({ list: Schema.Array(Schema.Struct({ name: Schema.String, expr: Schema.String })) })
})
export type Dashboard = typeof Dashboard.Type

export const decode = Schema.decodeUnknownEffect(Schema.fromJsonString(Dashboard))

/** What Grafana puts in the place of its variables. */
export interface Variables {
  /** Of one step of a graph, at least four scrapes. */
  readonly rateInterval: string
  /** All that is shown. */
  readonly range: string
}

export const expanded = (expr: string, { range, rateInterval }: Variables): string =>
  expr.replaceAll("$__rate_interval", rateInterval).replaceAll("$__range", range).replaceAll("$route", ".*")

/** All expressions, with where they stand. */
export const expressions = (dashboard: Dashboard) => [
  ...dashboard.panels.flatMap((panel) =>
    (panel.targets ?? []).map(({ expr, refId }) => ({ panel: `${panel.id} ${panel.title}`, refId, expr }))
  ),
  ...dashboard.annotations.list.map(({ expr, name }) => ({ panel: `annotation ${name}`, refId: "A", expr }))
]
