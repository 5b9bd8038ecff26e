import { assert, layer } from "@effect/vitest"
import { Arbitrary, Config, Data, Effect, Option } from "effect"
import * as Conversation from "../../test/Conversation.ts"
import * as ScriptedModel from "../../test/ScriptedModel.ts"
import { TwoServers } from "../../test/TwoServers.ts"
import { verdict } from "../../test/Verdict.ts"

class Violated extends Data.TaggedError("Violated")<{ readonly violations: ReadonlyArray<string> }> {}

/** More of it, or the same again: see CONTRIBUTING. */
const options = Config.all({
  runs: Config.withDefault(Config.Int("CHAOS_RUNS"), 100),
  seed: Config.option(Config.String("CHAOS_SEED")),
  replay: Config.option(Config.String("CHAOS_REPLAY"))
})

layer(TwoServers.layerWith({ LLM_MAX_ATTEMPTS: "1" }), { excludeTestServices: true })("a session", (it) => {
  it.effect(
    "holds what its clients were told, whatever they do, in whatever order, on two servers",
    () =>
      Effect.gen(function* () {
        const { replay, runs, seed } = yield* options
        const plans = yield* ScriptedModel.teach
        const token = yield* (yield* TwoServers)[0].register

        const holds = Effect.fnUntraced(function* (script: Conversation.Script) {
          let conversation = yield* Conversation.open(token, plans)
          const conversations = [conversation]
          for (const steps of script) {
            yield* conversation.take(steps)
            // Life goes on in another session.
            if (!conversation.history.interventions.some(({ kind }) => kind === "delete")) continue
            conversation = yield* Conversation.open(token, plans)
            conversations.push(conversation)
          }
          const found = (yield* Effect.forEach(conversations, (one) => verdict(one))).flat()
          if (found.length > 0) return yield* new Violated({ violations: found })
          return true
        })

        const result = yield* Arbitrary.checkEffect(Conversation.script, holds, {
          runs,
          concurrency: 4,
          seed: Option.getOrUndefined(seed),
          replay: Option.getOrUndefined(replay)
        })
        const failure = Arbitrary.formatCheckFailure(result)
        const found =
          result._tag === "Falsified" && result.failure._tag === "PropertyError" ? result.failure.error.violations : []
        assert.isUndefined(failure, [failure, ...found].join("\n"))
      }),
    600_000
  )
})
