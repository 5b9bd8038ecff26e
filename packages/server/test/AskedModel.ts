/** One answer of a model, asked of the stub, on a clock that the test holds. */
import { HumanMessage } from "@langchain/core/messages"
import { Clock, Context, Deferred, Duration, Effect, Layer, Redacted } from "effect"
import type { ModelUsage } from "../src/Agent/Agent.ts"
import { ModelBreaker } from "../src/Agent/ModelBreaker.ts"
import * as Model from "../src/Agent/Model.ts"
import type { ModelOptions } from "../src/Agent/settings.ts"
import { Metrics } from "../src/Telemetry/Metrics.ts"
import { currentTime } from "../src/Agent/Tools/CurrentTime.ts"
import * as HeldClock from "./HeldClock.ts"
import { StubModel } from "./StubModel.ts"

const options: ModelOptions = {
  model: "gpt-4o-mini",
  fallbackModels: [],
  temperature: 0.2,
  maxTokens: 2000,
  maxAttempts: 3,
  attemptTimeout: Duration.seconds(30)
}

/** What the model is asked. */
export const secret = "my secret is 4711"

/** One answer of a model, on a clock that the test holds; what is passed on, and what it took. */
export const asking = Effect.fnUntraced(function* (more: Partial<ModelOptions> = {}) {
  const stub = yield* StubModel
  yield* stub.reset
  const held = yield* HeldClock.make
  const heard: Array<string> = []
  const spoken = yield* Deferred.make<void>()
  const usage: Array<ModelUsage> = []
  const breaker = Context.get(yield* Layer.build(Layer.fresh(ModelBreaker.layer)), ModelBreaker)
  const metrics = yield* Effect.provide(Metrics, Layer.fresh(Metrics.layer))
  const endpoint = { baseUrl: stub.baseUrl, apiKey: Redacted.make("sk-stub") }
  const model = Model.make(endpoint, breaker, metrics, [currentTime], { ...options, ...more })
  const answer = model
    .answer([new HumanMessage(secret)], {
      onText: (text) =>
        Effect.suspend(() => {
          heard.push(text)
          return Deferred.succeed(spoken, undefined)
        }),
      onUsage: (used) => Effect.sync(() => void usage.push(used))
    })
    .pipe(Effect.provideService(Clock.Clock, held.clock))
  /** Waits for the first text. */
  const speaks = Deferred.await(spoken)
  return { answer, heard, speaks, usage, stub, ...held }
})

/** Whether a sleep is a pause between attempts, and not the watch for silence. */
export const isBackoff = (millis: number) => millis < 30_000

export const nextTurnOfTheEventLoop = Effect.callback<void>((resume) => {
  setImmediate(() => resume(Effect.void))
})

/** Lets each pause between attempts pass when it has begun, and gives their lengths. */
export const withPauses = Effect.fnUntraced(function* <A, E>(
  { asleep, pass }: HeldClock.HeldClock,
  answer: Effect.Effect<A, E>
) {
  const pauses: Array<number> = []
  const passing = asleep(isBackoff).pipe(
    Effect.tap((millis) => Effect.sync(() => pauses.push(millis))),
    Effect.flatMap(pass),
    Effect.andThen(nextTurnOfTheEventLoop),
    Effect.forever
  )
  const outcome = yield* Effect.raceFirst(Effect.exit(answer), passing)
  return { outcome, pauses }
})

/** How often the model was called. */
export const callsOf = Effect.map(
  Effect.flatMap(StubModel, (stub) => stub.calls),
  (calls) => calls.length
)

export const failure = <E>(answer: Effect.Effect<unknown, E>) => Effect.flip(answer)
