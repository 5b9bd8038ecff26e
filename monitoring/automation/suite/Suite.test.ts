import { NodeServices } from "@effect/platform-node"
import { assert, layer } from "@effect/vitest"
import { ConfigProvider, Effect, Layer, Option, Schema } from "effect"
import { Paint } from "../Paint.ts"
import { NotAnswered } from "../Asked.ts"
import type { Common, Outcome, State } from "../Script.ts"
import * as Suite from "./Suite.ts"

const common: Common = { json: true, dryRun: true, date: Option.none() }

const services = Paint.layer.pipe(
  Layer.provideMerge(ConfigProvider.layer(ConfigProvider.fromUnknown({}))),
  Layer.provideMerge(NodeServices.layer)
)

layer(services)("the suite", (it) => {
  /** Scripts that write down when it is their turn. */
  const world = () => {
    const turns: Array<string> = []
    const ends = (name: string, state: State) => ({
      name,
      run: ({ dryRun }: Common) =>
        Effect.sync((): Outcome => {
          turns.push(`${name}${dryRun ? ", dry" : ""}`)
          return { state, summary: `${name} is ${state}`, text: "", json: { state } }
        })
    })
    const fails = <E>(name: string, failure: Effect.Effect<never, E>) => ({
      name,
      run: () =>
        Effect.andThen(
          Effect.sync(() => turns.push(name)),
          failure
        )
    })
    return { ends, fails, turns }
  }

  it.effect("goes on after failures, and tells of each", () =>
    Effect.gen(function* () {
      const { ends, fails, turns } = world()
      const { json, state, text } = yield* Suite.of([
        ends("health", "ok"),
        fails("costs", Effect.fail(new NotAnswered({ url: "http://prometheus", reason: "is away" }))),
        fails("daily", Effect.die(new TypeError("undefined is not a function"))),
        ends("backup", "warning")
      ])(common)
      assert.deepStrictEqual(turns, ["health, dry", "costs", "daily", "backup, dry"])
      assert.strictEqual(state, "critical")
      assert.match(text, /^health +ok +< 0\.1 s +health is ok$/mu)
      const report = yield* Schema.decodeUnknownEffect(Suite.Report)(json)
      assert.deepStrictEqual(
        report.steps.map(({ name, state, summary }) => [name, state, summary]),
        [
          ["health", "ok", "health is ok"],
          ["costs", "critical", "failed: http://prometheus is away"],
          ["daily", "critical", "failed: TypeError: undefined is not a function"],
          ["backup", "warning", "backup is warning"]
        ]
      )
    })
  )

  for (const [states, worst] of [
    [["ok", "ok"], "ok"],
    [["ok", "warning", "ok"], "warning"],
    [["critical", "warning"], "critical"]
  ] as const) {
    it.effect(`is ${worst} after ${states.join(", ")}`, () =>
      Effect.gen(function* () {
        const { ends } = world()
        const { state } = yield* Suite.of(states.map((state, index) => ends(`${index}`, state)))(common)
        assert.strictEqual(state, worst)
      })
    )
  }
})
