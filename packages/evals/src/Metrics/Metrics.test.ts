import { NodeServices } from "@effect/platform-node"
import { assert, layer } from "@effect/vitest"
import { Effect, FileSystem, Result } from "effect"
import { fileURLToPath } from "node:url"
import { parse } from "./frontMatter.ts"
import { measuredMetrics } from "./measured.ts"
import { load } from "./Metrics.ts"

const shipped = fileURLToPath(new URL("../../metrics/prompts", import.meta.url))
const judge = { model: "gpt-4o-mini", isOffline: false }

const good = (more = "") =>
  `---\nname: humour\nversion: 1.0\ndescription: Is funny.\ndirection: higher\nthreshold: 0.5\n${more}---\nIs it funny?\n`

layer(NodeServices.layer)("metrics", (it) => {
  it.effect("are shipped, and those of which little is good say so", () =>
    Effect.gen(function* () {
      const metrics = yield* load(shipped, judge)
      const lowest = metrics.filter(({ direction, kind }) => kind === "judge" && direction === "lower")
      assert.deepStrictEqual(
        metrics.filter(({ kind }) => kind === "judge").map(({ name }) => name),
        ["conciseness", "hallucination", "helpfulness", "relevancy", "toxicity"]
      )
      assert.deepStrictEqual(
        lowest.map(({ name }) => name),
        ["hallucination", "toxicity"]
      )
      for (const { description } of lowest) assert.include(description, "Low is good")
    })
  )

  it.effect("are there when their file is, and have another hash when it changes", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* fs.makeTempDirectoryScoped()
      yield* fs.writeFileString(`${folder}/humour.md`, good())
      const [before] = yield* load(folder, judge)
      assert.deepInclude(before, { name: "humour", version: "1.0", weight: 1, rubric: "Is it funny?" })
      yield* fs.writeFileString(`${folder}/humour.md`, good().replace("Is it", "Was it"))
      const [after] = yield* load(folder, judge)
      assert.notStrictEqual(after?.hash, before?.hash)
      yield* fs.writeFileString(`${folder}/other.md`, good())
      const twice = yield* Effect.flip(load(folder, judge))
      assert.include(twice.message, "other.md:1: there is another metric of the name humour")
    }).pipe(Effect.scoped)
  )

  it.effect.each([
    ["no front matter", "Is it funny?", [1]],
    ["no end of it", "---\nname: a\nIs it funny?", [3]],
    ["no rubric", good().replace("Is it funny?", ""), [8]],
    ["YAML that is none", good('weight: "1\n'), [7]],
    ["a key that is misspelt", good("wieght: 2\n"), [7]],
    ["a threshold out of range", good().replace("0.5", "50"), [6]],
    ["a direction that is none", good().replace("higher", "up"), [5]],
    ["two mistakes", good().replace("higher", "up").replace("0.5", "5"), [5, 6]]
  ] as const)("with %s are refused, with the line", ([, text, lines]) =>
    Effect.sync(() => {
      const parsed = parse(text)
      assert.deepStrictEqual(Result.isFailure(parsed) ? parsed.failure.map(({ line }) => line) : [], [...lines])
    })
  )

  it.effect.each([
    ["exact_match", { output: " Canberra. ", expected: "canberra" }, 1],
    ["exact_match", { output: "Sydney", expected: "Canberra" }, 0],
    ["tool_calls", { toolCalls: [], expectedTools: [] }, 1],
    ["tool_calls", { toolCalls: ["a", "b"], expectedTools: ["a"] }, 2 / 3],
    ["tool_calls", { toolCalls: [], expectedTools: ["a"] }, 0],
    ["latency", { latencyMillis: 1200 }, 1200],
    ["cost", { costEur: 0.002 }, 0.002]
  ] as const)("that need no judge are counted: %s of %j", ([name, facts, expected]) =>
    Effect.sync(() => {
      const metric = measuredMetrics.find((metric) => metric.name === name) ?? assert.fail(name)
      assert.strictEqual(metric.measure({ id: "a", source: "dataset", input: "Q", ...facts }), expected)
    })
  )
})
