import { NodeServices } from "@effect/platform-node"
import { assert, layer } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import { fileURLToPath } from "node:url"
import { parse } from "../test/Promql.ts"
import { decode, expanded, expressions } from "./Dashboard.ts"
import { files, folder } from "./dashboards.ts"
import { type Limits, limits } from "./limits.ts"
import { labelsOf } from "./metricNames.ts"
import { errorBudget } from "./queries.ts"

const variables = { rateInterval: "1m", range: "1h" }

const dashboards = Effect.orDie(Effect.forEach(files, ({ content }) => decode(content)))

const repeated = (all: ReadonlyArray<unknown>) => all.filter((one, index) => all.indexOf(one) !== index)

layer(NodeServices.layer)("the dashboards", (it) => {
  it.effect("are the files that are committed: make monitoring-dashboards", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = fileURLToPath(folder)
      assert.deepStrictEqual((yield* fs.readDirectory(path)).toSorted(), files.map(({ name }) => name).toSorted())
      for (const { content, name } of files) assert.strictEqual(yield* fs.readFileString(`${path}${name}`), content)
    })
  )

  it.effect("are five, called what alerts and links call them", () =>
    Effect.gen(function* () {
      const all = yield* dashboards
      assert.deepStrictEqual(
        all.map(({ uid }) => uid),
        ["parley-overview", "parley-costs", "parley-business", "parley-performance", "parley-alerts"]
      )
      assert.deepStrictEqual(repeated(all.map(({ title }) => title)), [])
      for (const { panels, schemaVersion, templating } of all) {
        assert.strictEqual(schemaVersion, 42)
        assert.deepInclude(templating.list[0], { name: "datasource", type: "datasource" })
        const links = panels.flatMap(({ links = [] }) => links.map(({ url }) => /^\/d\/([^?]+)\?/u.exec(url)?.[1]))
        for (const uid of links)
          assert.include(
            all.map((dashboard) => dashboard.uid),
            uid ?? "no link"
          )
      }
    })
  )

  it.effect("have panels with ids of their own, that lie beside each other and say what to do", () =>
    Effect.gen(function* () {
      for (const { panels, title } of yield* dashboards) {
        assert.deepStrictEqual(repeated(panels.map(({ id }) => id)), [], title)
        const cells = panels.flatMap(({ gridPos: { h, w, x, y } }) =>
          Array.from({ length: w * h }, (_, cell) => `${x + (cell % w)} ${y + Math.floor(cell / w)}`)
        )
        assert.strictEqual(new Set(cells).size, cells.length, `panels overlap in ${title}`)
        for (const { description = "", fieldConfig, gridPos, targets = [], type, ...panel } of panels) {
          const where = `${title}: ${panel.title}`
          assert.isAtMost(gridPos.x + gridPos.w, 24, where)
          if (type === "row") continue
          assert.isNotEmpty(targets, where)
          assert.isAbove(description.length, 10, where)
          assert.isDefined(fieldConfig?.defaults.unit, where)
          assert.strictEqual(fieldConfig?.defaults.noValue, "no data", where)
          assert.deepStrictEqual(repeated(targets.map(({ refId }) => refId)), [])
          if (type === "timeseries" && targets.length > 1) {
            for (const { legendFormat } of targets) assert.isNotEmpty(legendFormat, where)
          }
        }
      }
    })
  )

  it.effect("ask for metrics and labels that there are, and for nothing else", () =>
    Effect.gen(function* () {
      for (const dashboard of yield* dashboards) {
        for (const { expr, panel } of expressions(dashboard)) {
          const where = `${dashboard.uid}, ${panel}: ${expr}`
          const { errors, groupings, selectors } = parse(expanded(expr, variables))
          assert.strictEqual(errors, 0, where)
          assert.isNotEmpty(selectors, where)
          const known = selectors.flatMap(({ labels, metric }) => {
            const known = labelsOf(metric)
            assert.isDefined(known, `${metric} in ${where}`)
            assert.includeMembers([...(known ?? [])], [...labels], where)
            return known ?? []
          })
          assert.includeMembers(known, [...groupings], where)
        }
      }
    })
  )

  it.effect("show exemplars of histograms alone, and of all that measure how long people wait", () =>
    Effect.gen(function* () {
      for (const { panels } of yield* dashboards) {
        for (const { expr, exemplar = false } of panels.flatMap(({ targets = [] }) => targets)) {
          if (exemplar) assert.include(expr, "_bucket{")
        }
      }
      const shown = (yield* dashboards).flatMap(({ panels }) =>
        panels.flatMap(({ targets = [] }) => targets.flatMap(({ expr, exemplar = false }) => (exemplar ? [expr] : [])))
      )
      for (const metric of [
        "http_server_request_duration_seconds",
        "chat_turn_duration_seconds",
        "chat_turn_overhead_seconds",
        "gen_ai_client_operation_duration_seconds",
        "gen_ai_client_operation_time_to_first_chunk_seconds"
      ])
        assert.isTrue(
          shown.some((expr) => expr.includes(`${metric}_bucket`)),
          metric
        )
    })
  )

  it.effect("draw their lines where the alerts begin", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const rules = yield* fs.readFileString(
        fileURLToPath(new URL("../prometheus/rules/thresholds.yml", import.meta.url))
      )
      const threshold = (name: string) =>
        Number(new RegExp(`parley:threshold:${name}", expr: "vector\\(([\\d.]+)\\)"`, "u").exec(rules)?.[1])
      const drawn = ({ steps }: Limits) => steps.map(([from]) => from)
      assert.deepStrictEqual(drawn(limits.costPerUserEur), [
        threshold("user_cost_target_euros"),
        threshold("user_cost_limit_euros")
      ])
      assert.deepStrictEqual(drawn(limits.burnRate), [threshold("burn_rate_slow"), threshold("burn_rate_fast")])
      assert.deepStrictEqual(drawn(limits.latencySeconds), [threshold("latency_seconds")])
      assert.deepStrictEqual(drawn(limits.paymentSuccess), [threshold("payment_success_ratio")])
      assert.deepStrictEqual(drawn(limits.modelErrorShare), [threshold("model_failure_ratio")])
      assert.deepStrictEqual(drawn(limits.businessAgeSeconds), [threshold("business_metrics_age_seconds")])
      assert.deepStrictEqual(drawn(limits.rejectedShare), [threshold("rate_limited_ratio")])
      assert.strictEqual(limits.budgetShare.steps.at(-1)?.[0], threshold("daily_budget_share"))
      assert.strictEqual(errorBudget, threshold("error_budget_ratio"))
    })
  )

  it.effect("draw the lines that were agreed on", () =>
    Effect.gen(function* () {
      const lines = new Map(
        (yield* dashboards).flatMap(({ panels, uid }) =>
          panels.map(({ fieldConfig, id }) => [
            `${uid} ${id}`,
            fieldConfig?.defaults.thresholds?.steps.flatMap(({ value }) => (value === null ? [] : [value]))
          ])
        )
      )
      assert.deepStrictEqual(lines.get("parley-overview 20"), [2, 2.5])
      assert.deepStrictEqual(lines.get("parley-overview 21"), [25_000])
      assert.deepStrictEqual(lines.get("parley-costs 1"), [2, 2.5])
      assert.deepStrictEqual(lines.get("parley-costs 2"), [2, 2.5])
      assert.deepStrictEqual(lines.get("parley-business 2"), [25_000])
      assert.deepStrictEqual(lines.get("parley-business 21"), [0.95])
      for (const id of [1, 2, 3]) assert.deepStrictEqual(lines.get(`parley-performance ${id}`), [5])
      assert.deepStrictEqual(lines.get("parley-performance 11"), [6, 14.4])
    })
  )
})
