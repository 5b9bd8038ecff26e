import { assert, layer } from "@effect/vitest"
import { Arbitrary, Config, Effect, Option, Random, Schedule } from "effect"
import { SqlClient } from "effect/sql"
import * as Conversation from "../../test/Conversation.ts"
import * as ScriptedModel from "../../test/ScriptedModel.ts"
import { StubModel } from "../../test/StubModel.ts"
import { sessions } from "../../test/TestChat.ts"
import { TestServer } from "../../test/TestServer.ts"
import { TwoServers } from "../../test/TwoServers.ts"
import { verdict } from "../../test/Verdict.ts"
import { Wire } from "../../test/Wire.ts"

/** See CONTRIBUTING. */
const seeded = Config.String("CHAOS_SEED").pipe(
  Config.option,
  Effect.flatMap(Option.match({ onNone: () => Effect.map(Random.nextInt, String), onSome: Effect.succeed }))
)

/** A server that stood still for too long, or could not give a lease back: others may take it. */
const leasesRunOut = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`UPDATE sessions SET lease_expires_at = now() WHERE lease_token IS NOT NULL`
})

/** The database goes and comes back, and leases run out, at moments that the seed decides. */
const faults = Effect.gen(function* () {
  const { cut, mend } = yield* Wire
  const pause = (minimum: number, maximum: number) =>
    Effect.flatMap(Random.nextIntBetween(minimum, maximum), (millis) => Effect.sleep(millis))
  const outage = Effect.andThen(cut, Effect.andThen(pause(5, 60), mend))
  return yield* pause(100, 500).pipe(
    Effect.andThen(outage),
    Effect.andThen(pause(10, 200)),
    Effect.andThen(leasesRunOut),
    Effect.forever,
    Effect.ensuring(mend)
  )
})

/** Every message of a conversation has its session's id in it, and so has every answer. */
const sessionIds = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/gu

layer(TwoServers.layerWith({ LLM_MAX_ATTEMPTS: "1" }), { excludeTestServices: true })("several people", (it) => {
  it.effect(
    "keep what they were told, each for themselves, also when the database goes away and leases run out",
    () =>
      Effect.gen(function* () {
        const seed = yield* seeded
        const [server] = yield* TwoServers
        const plans = yield* ScriptedModel.teach
        const people = yield* Effect.replicateEffect(server.register, 3)
        const tokens = [...people, ...people]
        const conversations = yield* Effect.forEach(tokens, (token) => Conversation.open(token, plans))
        const scripts = yield* Arbitrary.sampleEffect(Conversation.longScript, { count: tokens.length, seed })

        // What is erased in the end tells nothing.
        const keeps =
          (index: number) =>
          ({ _tag }: Conversation.Step) =>
            _tag !== "Delete" && (_tag !== "Clear" || index < 10)
        const talk = ({ take }: Conversation.Conversation, index: number) =>
          Effect.forEach(scripts[index] ?? [], (steps, group) => take(steps.filter(keeps(group))), { discard: true })
        yield* Effect.forEach(conversations, talk, { concurrency: "unbounded", discard: true }).pipe(
          Effect.raceFirst(Random.withSeed(faults, seed))
        )
        const stub = yield* StubModel
        yield* Effect.repeat(stub.stats, { until: ({ open }) => open === 0, schedule: Schedule.spaced(20) })
        yield* leasesRunOut

        const found = (yield* Effect.forEach(conversations, (one) => verdict(one, true))).flat()
        assert.deepStrictEqual(found, [], `CHAOS_SEED=${seed}`)
        for (const [index, { person }] of conversations.entries()) {
          const somebodyElse = tokens[(index + 1) % tokens.length] ?? assert.fail()
          const { status } = yield* sessions("GET", `/${person.session_id}/messages`, somebodyElse).pipe(
            Effect.provideService(TestServer, server)
          )
          assert.strictEqual(status, 404)
        }
        const shown = (yield* stub.calls).map(({ request }) => ScriptedModel.shown(request))
        const mixed = shown.filter((said) => new Set(said.flatMap((text) => text.match(sessionIds) ?? [])).size > 1)
        assert.deepStrictEqual(mixed, [], `CHAOS_SEED=${seed}`)
      }),
    120_000
  )
})
