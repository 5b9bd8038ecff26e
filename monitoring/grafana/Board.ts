/** A dashboard of ours: rows of panels, and at its top the choice of a datasource and the way to the others. */
import * as dashboard from "@grafana/grafana-foundation-sdk/dashboard"
import type { Panel } from "./panels.ts"
import { datasource } from "./panels.ts"
import { firing } from "./queries.ts"

export interface Row {
  readonly id: number
  readonly title: string
  readonly panels: ReadonlyArray<Panel>
}

export interface Board {
  /** For good: alerts and links name it. */
  readonly uid: string
  readonly title: string
  readonly description: string
  /** How far back it looks, such as `6h`. */
  readonly span: string
  readonly refresh: string
  readonly rows: ReadonlyArray<Row>
  /** Whether one can pick routes: `$route`. */
  readonly byRoute?: boolean
}

const tag = "parley"

const datasources = new dashboard.DatasourceVariableBuilder("datasource").label("Datasource").type("prometheus")

const routes = new dashboard.QueryVariableBuilder("route")
  .label("Route")
  .datasource(datasource)
  .query({ query: "label_values(http_server_request_duration_seconds_count, http_route)", refId: "route" })
  .definition("label_values(http_server_request_duration_seconds_count, http_route)")
  .regex("/^\\/api\\//")
  .refresh(dashboard.VariableRefresh.OnTimeRangeChanged)
  .multi(true)
  .includeAll(true)
  .allValue(".*")
  .current({ text: "All", value: "$__all" })

const alerts = new dashboard.AnnotationQueryBuilder()
  .name("Alerts")
  .datasource(datasource)
  .enable(true)
  .iconColor("red")
  .expr(firing)
  .titleFormat("{{alertname}}")
  .textFormat("{{severity}}")

export const build = (board: Board): dashboard.Dashboard => {
  const builder = new dashboard.DashboardBuilder(board.title)
    .uid(board.uid)
    .description(board.description)
    .tags([tag])
    .timezone("browser")
    .tooltip(dashboard.DashboardCursorSync.Crosshair)
    .time({ from: `now-${board.span}`, to: "now" })
    .refresh(board.refresh)
    .readonly()
    .withVariable(datasources)
    .annotation(alerts)
    .link(
      new dashboard.DashboardLinkBuilder("Parley")
        .type(dashboard.DashboardLinkType.Dashboards)
        .tags([tag])
        .keepTime(true)
        .includeVars(true)
    )
  if (board.byRoute === true) builder.withVariable(routes)
  for (const { id, panels, title } of board.rows) {
    builder.withRow(new dashboard.RowBuilder(title).id(id))
    for (const panel of panels) builder.withPanel(panel)
  }
  return builder.build()
}
