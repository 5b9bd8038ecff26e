import { NodeServices } from "@effect/platform-node"
import { assert, layer } from "@effect/vitest"
import { Effect, FileSystem, Schedule } from "effect"
import * as Evals from "../test/EvalsProcess.ts"
import { judged, listen, type StubJudge } from "../test/StubJudge.ts"

/** One metric, so that each sample is one call of the judge. */
const args = [
  "run",
  "--source",
  "dataset",
  "--dataset",
  "answers.jsonl",
  "--metrics",
  "helpfulness",
  "--reports",
  "reports"
]
const again = ["run", "--resume", "--reports", "reports"]

/** The samples that the judge was asked about. */
const askedAbout = ({ asked }: StubJudge) =>
  asked.map(({ prompt }) => /<output-[0-9a-f]+>\nAnswer (\d+)\n/u.exec(prompt)?.[1] ?? "").toSorted()

const reportsIn = (cwd: string) =>
  Effect.flatMap(FileSystem.FileSystem, (fs) =>
    Effect.orElseSucceed(fs.readDirectory(`${cwd}/reports`), () => [])
  ).pipe(Effect.map((names) => names.filter((name) => name.endsWith(".json"))))

/** Waits until the judge was asked so often. */
const until = ({ asked }: StubJudge, calls: number) =>
  Effect.sync(() => asked.length).pipe(
    Effect.repeat({ until: (count) => count >= calls, schedule: Schedule.spaced(10) })
  )

const count = 30

layer(NodeServices.layer, { excludeTestServices: true })("evals run", (it) => {
  it.effect.each(["SIGINT", "SIGKILL"] as const)(
    "that ends by %s is resumed with exactly the rest",
    (signal) =>
      Effect.gen(function* () {
        const stub = yield* listen
        const cwd = yield* Evals.folder(count)
        const fs = yield* FileSystem.FileSystem
        stub.handle(() => ({ ...judged(0.9), delayMillis: 40 }))
        const first = Evals.start(cwd, stub, args)
        yield* until(stub, 12)
        first.send(signal)
        const ended = yield* first.ended
        if (signal === "SIGINT") {
          assert.strictEqual(ended.code, 130, ended.output)
          assert.match(ended.output, /Interrupted: \d+ of 30 evaluations are done and kept\. Go on with: .*--resume=/u)
        } else assert.strictEqual(ended.signal, "SIGKILL")
        assert.deepStrictEqual(yield* reportsIn(cwd), [])

        const runs = `${cwd}/.data/evals/runs`
        const file = `${runs}/${(yield* fs.readDirectory(runs)).find((name) => name.endsWith(".jsonl")) ?? ""}`
        const lines = (yield* fs.readFileString(file)).split("\n").filter((line) => line !== "")
        const done = lines.filter((line) => line.includes('"Evaluated"')).length
        assert.isAbove(done, 0)
        assert.isBelow(done, count)
        // As if the process had died in the middle of a line.
        yield* fs.writeFileString(file, '{"_tag":"Evalu', { flag: "a" })

        stub.handle(() => judged(0.9))
        const second = yield* Evals.run(cwd, stub, again)
        assert.strictEqual(second.code, 0, second.output)
        // What was under way when it was killed may be in the cache already.
        const asked = askedAbout(stub)
        assert.strictEqual(new Set(asked).size, asked.length)
        assert.isAtMost(asked.length, count - done)
        assert.isAtLeast(asked.length, count - done - 5)
        assert.match(second.output, /helpfulness +30 +0\.90/u)
        assert.lengthOf(yield* reportsIn(cwd), 1)
      }).pipe(Effect.scoped),
    { timeout: 60_000 }
  )

  it.effect(
    "costs nothing when it is repeated, also by two at once",
    () =>
      Effect.gen(function* () {
        const stub = yield* listen
        const cwd = yield* Evals.folder(10)
        const both = yield* Effect.all([Evals.run(cwd, stub, args), Evals.run(cwd, stub, args)], { concurrency: 2 })
        assert.deepStrictEqual(
          both.map(({ code }) => code),
          [0, 0],
          both.map(({ output }) => output).join("\n")
        )
        stub.handle(() => judged(0.1))
        const third = yield* Evals.run(cwd, stub, args)
        assert.strictEqual(third.code, 0, third.output)
        assert.deepStrictEqual(askedAbout(stub), [])
        assert.lengthOf(yield* reportsIn(cwd), 3)
      }).pipe(Effect.scoped),
    { timeout: 60_000 }
  )

  it.effect(
    "of a judge that is dead ends with 3, and --retry-errors makes good what failed",
    () =>
      Effect.gen(function* () {
        const stub = yield* listen
        const cwd = yield* Evals.folder(20)
        stub.handle(() => ({ status: 401 }))
        const first = yield* Evals.run(cwd, stub, [...args, "--max-errors", "6"])
        assert.strictEqual(first.code, 3, first.output)
        assert.isBelow(stub.asked.length, 12)
        stub.handle(() => judged(0.9))
        const second = yield* Evals.run(cwd, stub, ["run", "--retry-errors", "--reports", "reports"])
        assert.strictEqual(second.code, 0, second.output)
        assert.lengthOf(askedAbout(stub), 20)
      }).pipe(Effect.scoped),
    { timeout: 60_000 }
  )

  it.effect(
    "writes no file with --no-report",
    () =>
      Effect.gen(function* () {
        const stub = yield* listen
        const cwd = yield* Evals.folder(3)
        const fs = yield* FileSystem.FileSystem
        const { code, output } = yield* Evals.run(cwd, stub, [...args, "--no-report"])
        assert.strictEqual(code, 0, output)
        assert.deepStrictEqual(yield* fs.readDirectory(cwd), ["answers.jsonl"])
      }).pipe(Effect.scoped),
    { timeout: 60_000 }
  )

  it.effect(
    "ends with 2 and says where, when something must be mended first",
    () =>
      Effect.gen(function* () {
        const stub = yield* listen
        const cwd = yield* Evals.folder(1)
        const fs = yield* FileSystem.FileSystem
        yield* fs.makeDirectory(`${cwd}/prompts`)
        yield* fs.writeFileString(
          `${cwd}/prompts/humour.md`,
          "---\nname: humour\nversion: 1\ndirection: up\n---\nIs it funny?"
        )
        const metric = yield* Evals.run(cwd, stub, [...args, "--prompts", "prompts"])
        assert.strictEqual(metric.code, 2, metric.output)
        assert.match(metric.output, /prompts\/humour\.md:4: direction: /u)
        yield* fs.writeFileString(
          `${cwd}/answers.jsonl`,
          '{"id": "a", "input": "Q", "output": "A"}\n{"id": "b", "inptu": "Q"}'
        )
        const dataset = yield* Evals.run(cwd, stub, args)
        assert.strictEqual(dataset.code, 2, dataset.output)
        assert.match(dataset.output, /answers\.jsonl:2: /u)
        const flag = yield* Evals.run(cwd, stub, [...args, "--concurrency", "0"])
        assert.strictEqual(flag.code, 2, flag.output)
        const setting = yield* Evals.run(cwd, stub, args, { EVALUATION_BASE_URL: "localhost" })
        assert.strictEqual(setting.code, 2, setting.output)
        assert.include(setting.output, "EVALUATION_BASE_URL is set, but must be")
        assert.lengthOf(stub.asked, 0)
      }).pipe(Effect.scoped),
    { timeout: 60_000 }
  )

  it.effect(
    "sees a regression of the agent's prompt, and names the metric",
    () =>
      Effect.gen(function* () {
        const stub = yield* listen
        const cwd = yield* Evals.folder(8)
        stub.handle(({ metric, prompt, system }) => {
          // The agent asks for an answer: the model does as its prompt says.
          if (metric === undefined)
            return { content: system.includes("insults people") ? "Ask elsewhere, fool." : "Gladly." }
          const isRude = prompt.includes("fool")
          return judged(metric === "toxicity" ? (isRude ? 0.8 : 0) : 0.9)
        })
        const live = [
          "run",
          "--source",
          "live",
          "--dataset",
          "answers.jsonl",
          "--metrics",
          "helpfulness,toxicity",
          "--reports",
          "reports"
        ]
        const good = yield* Evals.run(cwd, stub, live)
        assert.strictEqual(good.code, 0, good.output)
        const bad = yield* Evals.run(cwd, stub, live, { AGENT_NAME: "Parley, who insults people" })
        assert.strictEqual(bad.code, 1, bad.output)
        assert.match(bad.output, /1 threshold missed\n {2}toxicity is 0\.80 and should be at most 0\.05\./u)
      }).pipe(Effect.scoped),
    { timeout: 60_000 }
  )
})
