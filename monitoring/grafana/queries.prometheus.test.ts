/** What is counted in an hour, which is from 01:00 to 02:00, by servers that began before or in it. */
import { NodeServices } from "@effect/platform-node"
import { assert, layer } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import { run } from "../prometheus/run.ts"
import * as q from "./queries.ts"

/** The values are of each minute, as promtool has them. */
interface Case {
  readonly begunAt: string
  readonly counter: string
  readonly counts: ReadonlyArray<number>
}

const hour = 3600
const always = (seconds: number) => `${seconds}x120`

const cases: Readonly<Record<string, Case>> = {
  "what was there before does not count, and every increase does, to the last one": {
    begunAt: always(60),
    counter: "7+1x120",
    counts: [60]
  },
  "a server that began in the hour has counted before it was asked first": {
    begunAt: `_x90 ${hour + 600}x30`,
    counter: "_x90 30x10 33x20",
    counts: [33]
  },
  "what a server counted that is older than what Prometheus knows of it may be of any time": {
    begunAt: "_x90 60x30",
    counter: "_x90 30x30",
    counts: [0]
  },
  "a series that is new on a server that was watched began at 0": {
    begunAt: always(60),
    counter: "_x90 2x30",
    counts: [2]
  },
  "a series that was seen once counts, too": {
    begunAt: always(60),
    counter: "_x120 5",
    counts: [5]
  },
  "a server that began again counts from 0": {
    begunAt: `60x90 ${hour + 1800}x30`,
    counter: "10x90 4x30",
    counts: [4]
  },
  "of nothing there is no data": {
    begunAt: always(60),
    counter: "_x120",
    counts: []
  }
}

layer(NodeServices.layer, { excludeTestServices: true })("what is counted", (it) => {
  for (const [name, { begunAt, counter, counts }] of Object.entries(cases)) {
    it.effect(name, () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const folder = yield* fs.makeTempDirectoryScoped({ prefix: "parley-counts-" })
        const labels = `job="parley",instance="a"`
        const test = {
          rule_files: [],
          tests: [
            {
              interval: "1m",
              input_series: [
                { series: `process_start_time_seconds{${labels}}`, values: begunAt },
                { series: `things_total{${labels},kind="good"}`, values: counter },
                { series: `things_total{${labels},kind="bad"}`, values: "100+1x120" }
              ],
              promql_expr_test: [
                {
                  expr: q.counts("things_total", `kind="good"`, "kind", hour),
                  eval_time: "2h",
                  exp_samples: counts.map((value) => ({ labels: `{kind="good"}`, value }))
                }
              ]
            }
          ]
        }
        // JSON is YAML.
        yield* fs.writeFileString(`${folder}/test.yml`, JSON.stringify(test))
        const { code, output } = yield* run("promtool", ["test", "rules", `${folder}/test.yml`])
        assert.strictEqual(code, 0, output)
      })
    )
  }
})
