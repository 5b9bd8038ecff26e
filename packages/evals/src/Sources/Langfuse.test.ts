import { NodeServices } from "@effect/platform-node"
import { assert, layer } from "@effect/vitest"
import { ConfigProvider, DateTime, Duration, Effect, Layer } from "effect"
import * as Evals from "../../test/EvalsProcess.ts"
import * as StubJudge from "../../test/StubJudge.ts"
import * as StubLangfuse from "../../test/StubLangfuse.ts"
import { metric } from "../../test/TestRun.ts"
import { Langfuse, scoreId } from "./Langfuse.ts"

const ago = (duration: Duration.Input) =>
  Effect.map(DateTime.now, (now) => DateTime.formatIso(DateTime.subtractDuration(now, duration)))

/** One every minute, the first just now. */
const traces = (count: number) =>
  Effect.forEach(
    Array.from({ length: count }, (_, index) => count - 1 - index),
    (minutes) =>
      Effect.map(ago(Duration.minutes(minutes)), (timestamp) => ({
        id: `trace-${minutes}`,
        timestamp,
        input: `Question ${minutes}`,
        output: `Answer ${minutes}`,
        sessionId: `session-${minutes % 50}`
      }))
  )

const keys = { LANGFUSE_PUBLIC_KEY: "pk-lf-stub", LANGFUSE_SECRET_KEY: "sk-lf-stub" }

const client = (baseUrl: string) =>
  Langfuse.layer.pipe(
    Layer.provide(ConfigProvider.layer(ConfigProvider.fromUnknown({ ...keys, LANGFUSE_HOST: baseUrl })))
  )

const metrics = [metric("helpfulness"), metric("toxicity", { version: "2" })]

const lastDay = Effect.map(DateTime.now, (now) => ({
  from: DateTime.subtractDuration(now, "24 hours"),
  to: DateTime.addDuration(now, "1 minute")
}))

layer(NodeServices.layer, { excludeTestServices: true })("Langfuse", (it) => {
  it.effect.each([3, 4] as const)(
    "%i tells page by page which traces lack a metric and version",
    (version) =>
      Effect.gen(function* () {
        const stub = yield* StubLangfuse.listen(version, yield* traces(250))
        const [helpfulness = metric(""), toxicity = metric("")] = metrics
        const has = (traceId: string, { name, version }: { readonly name: string; readonly version: string }) =>
          stub.scores.set(scoreId(traceId, { name, version }), {
            id: scoreId(traceId, { name, version }),
            traceId,
            name
          })
        // Both; one of the two; one in an earlier version.
        for (const one of metrics) has("trace-7", one)
        has("trace-120", helpfulness)
        has("trace-249", { ...toxicity, version: "1" })
        const planned = yield* Effect.gen(function* () {
          const { lacking } = yield* Langfuse
          const limited = yield* lacking(yield* lastDay, metrics, 10)
          assert.lengthOf(limited, 10)
          stub.paths.length = 0
          return yield* lacking(yield* lastDay, metrics, undefined)
        }).pipe(Effect.provide(client(stub.baseUrl)))
        const missing = new Map(planned.map(({ metrics, sample }) => [sample.id, metrics]))
        assert.strictEqual(missing.size, 249)
        assert.isFalse(missing.has("trace-7"))
        assert.deepStrictEqual(missing.get("trace-120"), ["toxicity"])
        assert.deepStrictEqual(missing.get("trace-249"), ["helpfulness", "toxicity"])
        const reads = (path: string) => stub.paths.filter((asked) => asked === `GET ${path}`).length
        if (version === 4) assert.strictEqual(reads("/api/public/v2/observations"), 3)
        else assert.strictEqual(reads("/api/public/traces"), 3)
        const sample = planned.find(({ sample }) => sample.id === "trace-120")?.sample
        assert.deepInclude(sample, {
          traceId: "trace-120",
          input: "Question 120",
          output: "Answer 120",
          group: "session-20",
          latencyMillis: 1500
        })
      }).pipe(Effect.scoped),
    { timeout: 60_000 }
  )

  it.effect(
    "gets each score once, although evaluated twice; what is too new waits",
    () =>
      Effect.gen(function* () {
        const judge = yield* StubJudge.listen
        const stub = yield* StubLangfuse.listen(4, yield* traces(12))
        const cwd = yield* Evals.folder(1)
        const environment = { ...keys, LANGFUSE_HOST: stub.baseUrl }
        const args = ["run", "--source", "langfuse", "--metrics", "helpfulness,toxicity", "--reports", "reports"]
        judge.handle(({ metric }) => StubJudge.judged(metric === "toxicity" ? 0 : 0.9))
        const first = yield* Evals.run(cwd, judge, args, environment)
        assert.strictEqual(first.code, 0, first.output)
        // The last five minutes are left for later.
        assert.strictEqual(stub.scores.size, 2 * 7)
        assert.strictEqual(stub.writes(), 2 * 7)
        const second = yield* Evals.run(cwd, judge, args, environment)
        assert.strictEqual(second.code, 3, second.output)
        assert.include(second.output, "Nothing was evaluated")
        assert.strictEqual(stub.writes(), 2 * 7)
        // A score that was lost, as when the process died before it was sent, is written with the id it would have had.
        const [id = ""] = stub.scores.keys()
        stub.scores.delete(id)
        judge.asked.length = 0
        const third = yield* Evals.run(cwd, judge, args, environment)
        assert.strictEqual(third.code, 0, third.output)
        assert.isTrue(stub.scores.has(id))
        assert.strictEqual(stub.scores.size, 2 * 7)
        assert.lengthOf(judge.asked, 0)
      }).pipe(Effect.scoped),
    { timeout: 60_000 }
  )

  it.effect(
    "that refuses the keys, or is given none, ends the run with 2 and words that help",
    () =>
      Effect.gen(function* () {
        const stub = yield* StubLangfuse.listen(4, [])
        const cwd = yield* Evals.folder(1)
        const args = ["run", "--source", "langfuse"]
        const none = yield* Evals.run(cwd, stub, args)
        assert.strictEqual(none.code, 2)
        assert.include(none.output, "needs LANGFUSE_PUBLIC_KEY and LANGFUSE_SECRET_KEY")
        const bad = { ...keys, LANGFUSE_SECRET_KEY: "sk-lf-other", LANGFUSE_HOST: stub.baseUrl }
        const refused = yield* Evals.run(cwd, stub, args, bad)
        assert.strictEqual(refused.code, 2)
        assert.include(refused.output, "refuses LANGFUSE_PUBLIC_KEY")
        assert.notInclude(refused.output, "sk-lf-other")
      }).pipe(Effect.scoped),
    { timeout: 60_000 }
  )
})
