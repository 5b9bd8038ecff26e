import { NodeServices } from "@effect/platform-node"
import { assert, describe, layer } from "@effect/vitest"
import { DateTime, Effect, FileSystem } from "effect"
import { createHash } from "node:crypto"
import { madeUp } from "../../test/madeUp.ts"
import type { Run } from "../Evaluation.ts"
import { page } from "./html.ts"
import { markdown } from "./markdown.ts"
import { summarise } from "./summarise.ts"
import { readReport, writeReport } from "./writeReport.ts"

const markup = `<script>alert(1)</script><img src=x onerror=alert(1)>"'\`]]>`

/** Every text of a run that a person may have written is this, with the name of its place. */
const planted = (run: Run, text: string): Run => ({
  ...run,
  samples: run.samples.map((sample) => ({
    ...sample,
    input: `input ${text}`,
    output: `output ${text}`,
    expected: `expected ${text}`,
    context: `context ${text}`,
    error: `error ${text}`
  })),
  results: run.results.map((result) => ({
    ...result,
    reasoning: `reasoning ${text}`,
    ...(result.error && { error: { kind: result.error.kind, message: `message ${text}` } })
  }))
})

/** And every name of the project's own. */
const named = (run: Run, text: string): Run => ({
  ...planted(run, text),
  runId: text,
  source: { ...run.source, description: text },
  git: { commit: text, isDirty: true },
  agent: { model: text, isOffline: true },
  judge: { model: text, isOffline: true },
  metrics: run.metrics.map((metric) => ({
    ...metric,
    name: `${metric.name} ${text}`,
    version: text,
    description: text
  })),
  samples: planted(run, text).samples.map((sample) => ({ ...sample, id: `${sample.id} ${text}`, group: text })),
  results: planted(run, text).results.map((result) => ({
    ...result,
    sampleId: `${result.sampleId} ${text}`,
    metric: `${result.metric} ${text}`,
    ...(result.error && { error: { kind: text, message: text } }),
    ...(result.notApplicable !== undefined && { notApplicable: text })
  }))
})

const secret = "Grandmother's maiden name is Kowalczyk"

layer(NodeServices.layer)("a report", (it) => {
  const written = Effect.fn(function* (run: Run, includeContent: boolean) {
    const fs = yield* FileSystem.FileSystem
    const folder = `${yield* fs.makeTempDirectoryScoped()}/reports`
    const report = summarise(run, { includeContent })
    const paths = yield* writeReport(report, folder)
    const texts = yield* Effect.forEach(Object.values(paths), (path) => fs.readFileString(path))
    return { folder, fs, paths, report, texts }
  })

  it.effect("is what its schema says, under a name that tells when the run ended in UTC", () =>
    Effect.gen(function* () {
      const { folder, fs, paths, report } = yield* written(madeUp(), false)
      assert.strictEqual(paths.json, `${folder}/evaluation_report_20261127_140352.json`)
      assert.deepStrictEqual(yield* readReport(paths.json), report)
      assert.deepStrictEqual((yield* fs.readDirectory(folder)).toSorted(), [
        "evaluation_report_20261127_140352.html",
        "evaluation_report_20261127_140352.json",
        "evaluation_report_20261127_140352.md"
      ])
      const { cost, metrics, timing, totals, traces } = report
      assert.deepInclude(totals, { samples: 40, evaluations: 240, notApplicable: 20, missing: 0 })
      assert.strictEqual(totals.scored + totals.failed + totals.notApplicable, 240)
      assert.deepStrictEqual([metrics.length, traces.length], [6, 40])
      assert.isAbove(cost.agentEur ?? 0, 0)
      assert.isAbove(timing.judge.p95 ?? 0, timing.judge.p50 ?? 0)
      assert.strictEqual(timing.totalMillis, 42_300)
    })
  )

  it.effect("of the same second takes the next name, however many are written at once", () =>
    Effect.gen(function* () {
      const { folder, fs, report } = yield* written(madeUp({ samples: 3 }), false)
      const others = yield* Effect.forEach(
        ["a", "b", "c"],
        (runId) => writeReport({ ...report, runId }, folder).pipe(Effect.map(({ json }) => ({ json, runId }))),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(new Set(others.map(({ json }) => json)).size, 3)
      for (const { json, runId } of others) assert.strictEqual((yield* readReport(json)).runId, runId)
      assert.strictEqual((yield* fs.readDirectory(folder)).length, 12)
      assert.isTrue(yield* fs.exists(`${folder}/evaluation_report_20261127_140352_4.json`))
    })
  )

  it.effect("leaves nothing half done where it cannot be written, and says of what it cannot read what that is", () =>
    Effect.gen(function* () {
      const { fs, folder, paths, report } = yield* written(madeUp({ samples: 3 }), false)
      const error = yield* Effect.flip(writeReport(report, paths.json))
      assert.include(error.message, paths.json)
      yield* fs.writeFileString(`${folder}/other.json`, `{"schemaVersion": 2}`)
      for (const path of [`${folder}/other.json`, paths.markdown, `${folder}/missing.json`]) {
        assert.include((yield* Effect.flip(readReport(path))).message, `${path} is not a report that can be read`)
      }
    })
  )

  it.effect("has no text of a person, unless that was asked for", () =>
    Effect.gen(function* () {
      for (const text of (yield* written(planted(madeUp(), secret), false)).texts) {
        assert.notInclude(text, "Kowalczyk")
      }
      const { fs, paths, texts } = yield* written(planted(madeUp(), secret), true)
      const [json = "", _markdown, html = ""] = texts
      for (const place of ["input", "output", "expected", "context", "error", "reasoning", "message"]) {
        assert.include(json, `${place} ${secret}`)
        assert.include(html, `${place} Grandmother&#39;s maiden name`)
      }
      // Others on the machine did not ask.
      for (const path of Object.values(paths)) assert.strictEqual((yield* fs.stat(path)).mode & 0o077, 0)
    })
  )
})

describe("the pages", () => {
  layer(NodeServices.layer)((it) => {
    it.effect("show markup in texts and names as it is", () =>
      Effect.sync(() => {
        const report = summarise(named(madeUp({ failing: 5 }), markup), { includeContent: true })
        const html = page(report)
        assert.strictEqual(html.match(/<script/gu)?.length, 1)
        assert.notInclude(html, "<img")
        // No value ends before its quote does.
        assert.notMatch(html.replaceAll(/="[^"<>]*"/gu, ""), /<[^>]*(?:onerror|alert)/u)
        assert.include(
          html,
          "&lt;script&gt;alert(1)&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;&quot;&#39;&#96;]]&gt;"
        )
        const text = markdown(report)
        assert.notMatch(text, /<(?!\d)/u)
        assert.notMatch(text, /(?<!\\)`/u)
      })
    )

    it.effect("of Markdown keep one row for each metric, whatever it is called", () =>
      Effect.sync(() => {
        const nasty = "a | b\n# c [x](javascript:y) *z* http://example.com @all"
        const text = markdown(summarise(named(madeUp(), nasty), { includeContent: false }))
        const rows = text.split("\n").filter((line) => line.startsWith("|"))
        assert.strictEqual(rows.length, 8)
        for (const row of rows) assert.strictEqual(row.split(/(?<!\\)\|/u).length, 9)
        assert.notMatch(text, /^# c/mu)
        assert.notMatch(text, /(?<!\\)\[x|(?<!\\)\*z|http:\/\/|@all/u)
      })
    )

    it.effect("ask nobody for anything, and run their own script alone", () =>
      Effect.sync(() => {
        const html = page(summarise(madeUp(), { includeContent: true }))
        assert.notMatch(html, /\b(?:src|href)="(?!#)|url\(|@import|https?:\/\//u)
        const [, policy = ""] = /Content-Security-Policy"\s+content="([^"]*)"/u.exec(html) ?? []
        const [, script = ""] = /<script>([\s\S]*?)<\/script>/u.exec(html) ?? []
        const hash = createHash("sha256").update(script).digest("base64")
        assert.include(policy, `default-src &#39;none&#39;`)
        assert.include(policy, `script-src &#39;sha256-${hash}&#39;`)
      })
    )

    it.effect("say that the offline model answered or judged, and what is missing", () =>
      Effect.sync(() => {
        const offline = { model: "offline", isOffline: true }
        const both = summarise({ ...madeUp(), agent: offline, judge: offline }, { includeContent: false })
        const told = "The offline model answered and judged: a stand-in."
        assert.include(page(both), told)
        assert.include(markdown(both), told)
        const judged = summarise({ ...madeUp(), judge: offline }, { includeContent: false })
        assert.include(page(judged), "The offline model judged: a stand-in.")
        assert.include(page(judged), "Set EVALUATION_API_KEY for real ones.")
        assert.notInclude(page(summarise(madeUp(), { includeContent: false })), "stand-in")
        const run = madeUp()
        const cut = summarise(
          { ...run, results: run.results.slice(0, 100), stopped: "too expensive" },
          { includeContent: false }
        )
        assert.include(markdown(cut), "140 evaluations are missing: the run ended before then (too expensive).")
      })
    )

    it.effect("of a run of nothing are pages too", () =>
      Effect.sync(() => {
        const run = { ...madeUp(), samples: [], results: [], finishedAt: DateTime.makeUnsafe("2026-11-27T14:03:10Z") }
        const report = summarise(run, { includeContent: false })
        assert.deepInclude(report.gate, { verdict: "not judged", exitCode: 3, reasons: ["Nothing was evaluated."] })
        for (const text of [page(report), markdown(report)]) {
          assert.include(text, "Not judged")
          assert.notMatch(text, /NaN|Infinity|undefined/u)
        }
      })
    )

    it.effect("of very many samples are there soon, with the worst of them", () =>
      Effect.sync(() => {
        const report = summarise(madeUp({ samples: 1500 }), { includeContent: false })
        const start = process.cpuUsage()
        const html = page(report)
        assert.isBelow(process.cpuUsage(start).user / 1e6, 2)
        assert.isBelow(html.length, 4e6)
        assert.strictEqual(html.match(/<details/gu)?.length, 1000)
        assert.include(html, "The JSON file has the other 500 too.")
        const linked = [...html.matchAll(/href="#(sample-\d+)"/gu)].map(([, anchor]) => anchor)
        assert.strictEqual(linked.length, 10)
        for (const anchor of linked) assert.include(html, `id="${anchor}"`)
        assert.notMatch(html, /NaN|Infinity|>undefined/u)
      })
    )
  })
})
