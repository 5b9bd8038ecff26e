/** Every expression of every panel, asked of a Prometheus that has watched the server being used. */
import { NodeServices } from "@effect/platform-node"
import { assert, layer, vi } from "@effect/vitest"
import { Clock, Console, Effect, FileSystem, Layer } from "effect"
import { execFile } from "node:child_process"
import { promisify } from "node:util"
import { database } from "../test/database.ts"
import { Monitored } from "../test/Monitored.ts"
import * as Prometheus from "../test/Prometheus.ts"
import * as Traffic from "../test/Traffic.ts"
import { decode, expanded, expressions } from "./Dashboard.ts"
import { files } from "./dashboards.ts"
import { histograms, labelsOf, others } from "./metricNames.ts"

// Three servers start, and are used for half a minute: on a busy machine more.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 })

/** Seconds that are shown, and one step of a graph. */
const shown = 120
const step = 2
const variables = { rateInterval: "10s", range: `${shown}s` }

const dashboards = Effect.orDie(Effect.forEach(files, ({ content }) => decode(content)))

/** Panels without data after all this, and why. */
const without: Readonly<Record<string, string>> = {}

const used = Layer.effectDiscard(
  Effect.gen(function* () {
    const { app } = yield* Monitored
    yield* Traffic.run(app, { people: 6, moments: 64, pauseMillis: 150 })
    // Until all of it is scraped, counted and evaluated.
    yield* Effect.sleep("4 seconds")
  })
)

const finite = ({ points }: Prometheus.Line) => points.some(([, value]) => Number.isFinite(value))

layer(used.pipe(Layer.provideMerge(Monitored.layerOn(database)), Layer.provideMerge(NodeServices.layer)), {
  excludeTestServices: true,
  timeout: 180_000
})("after traffic of all kinds", (it) => {
  it.effect("every panel has data", () =>
    Effect.gen(function* () {
      const prometheus = Prometheus.client((yield* Monitored).prometheus)
      const end = Math.floor((yield* Clock.currentTimeMillis) / 1000)
      const lines: Array<string> = []
      const empty: Array<string> = []
      for (const { panels, uid } of yield* dashboards) {
        for (const { id, targets = [], title } of panels) {
          for (const { expr, instant = false, refId } of targets) {
            const query = expanded(expr, variables)
            const found = instant ? prometheus.instant(query) : prometheus.range(query, end, shown, step)
            const series = (yield* found).filter(finite)
            const name = `${uid} ${id}${refId}`
            const state = series.length > 0 ? `${series.length} series` : (without[name] ?? "NO DATA")
            lines.push(`${name.padEnd(24)} ${title.padEnd(34)} ${state}`)
            if (series.length === 0) empty.push(name)
          }
        }
      }
      yield* Console.log(lines.join("\n"))
      assert.deepStrictEqual(empty, Object.keys(without))
    })
  )

  it.effect("points lead to traces, wherever exemplars are shown", () =>
    Effect.gen(function* () {
      const prometheus = Prometheus.client((yield* Monitored).prometheus)
      for (const { panels, uid } of yield* dashboards) {
        for (const { id, targets = [] } of panels) {
          for (const { expr, exemplar = false } of targets) {
            if (!exemplar) continue
            const traces = yield* prometheus.exemplars(expanded(expr, variables), shown)
            assert.isNotEmpty(traces, `${uid} ${id}`)
            for (const trace of traces) assert.match(trace ?? "", /^[0-9a-f]{32}$/u)
          }
        }
      }
    })
  )

  it.effect("there are the metrics that dashboards may speak of, with their labels", () =>
    Effect.gen(function* () {
      const prometheus = Prometheus.client((yield* Monitored).prometheus)
      const names = yield* prometheus.names
      const parts = Object.keys(histograms).flatMap((name) =>
        ["bucket", "sum", "count"].map((part) => `${name}_${part}`)
      )
      for (const name of [...Object.keys(others), ...parts]) {
        assert.include(names, name)
        if (name.startsWith("ALERTS")) continue
        const labels = new Set((yield* prometheus.instant(name)).flatMap(({ labels }) => Object.keys(labels)))
        for (const label of labelsOf(name) ?? []) assert.isTrue(labels.has(label), `${label} of ${name}`)
      }
    })
  )

  it.effect("Prometheus's own judge finds every expression well-formed, and would find one that is not", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* fs.makeTempDirectoryScoped()
      const judge = Effect.fnUntraced(function* (expressions: ReadonlyArray<string>) {
        const rules = expressions.map((expr, index) => ({ record: `panel:${index}`, expr }))
        yield* fs.writeFileString(`${folder}/rules.yml`, JSON.stringify({ groups: [{ name: "panels", rules }] }))
        return yield* Effect.tryPromise(() =>
          promisify(execFile)("promtool", ["check", "rules", `${folder}/rules.yml`])
        )
      })
      const all = (yield* dashboards).flatMap((dashboard) =>
        expressions(dashboard).map(({ expr }) => expanded(expr, variables))
      )
      const { stdout } = yield* judge(all)
      assert.include(stdout, `${all.length} rules found`)
      yield* Effect.flip(judge(["sum(rate(up[1m])"]))
    })
  )
})
