/**
 * Leaves a model alone that is down. Effect's circuit breaker opens, waits and probes; when it is to open is decided
 * here, because its own rate knows the last calls, however long ago, and not the last half minute.
 */
import { Clock, Context, Duration, Effect, Exit, Layer, Option, Schedule, Stream } from "effect"
import { CircuitBreaker } from "effect/persistence"
import { type ModelCallFailed, circuitOpen } from "./ModelError.ts"

/** How far back calls count. */
const windowSeconds = 30

/** Among fewer calls failures mean nothing. A single turn cannot make so many: each of its questions counts once. */
const minimumCalls = 20

/** The share of them that failed. */
const threshold = 0.5

/** For how long a model is left alone before it is tried again: longer each time that this fails. */
const openDuration = Schedule.min([Schedule.exponential("10 seconds"), Schedule.spaced("1 minute")])

/** For all turns of this server. */
export class ModelBreaker extends Context.Service<
  ModelBreaker,
  {
    /**
     * Runs a request to a model unless that is left alone. Only the first attempt at an answer `counts`: else a single
     * person with bad luck would speak for everybody.
     */
    readonly guard: (
      model: string,
      counts: boolean
    ) => <A>(call: Effect.Effect<A, ModelCallFailed>) => Effect.Effect<A, ModelCallFailed>
  }
>()("@parley/server/Agent/ModelBreaker") {
  static readonly layer = Layer.effect(
    ModelBreaker,
    Effect.gen(function* () {
      const rates = new Map<string, ReturnType<typeof failureRate>>()
      // What is told to it as a failure opens it.
      const breaker = yield* CircuitBreaker.make({ tripPolicy: CircuitBreaker.consecutive(1), openDuration })
      yield* breaker.transitions.pipe(
        Stream.runForEach(({ key, to }) =>
          to === "Open"
            ? Effect.logWarning(`model ${key} fails too often: it is left alone for a while`)
            : Effect.logInfo(`model ${key}: ${to === "Closed" ? "it answers again" : "trying it again"}`)
        ),
        Effect.forkScoped({ startImmediately: true })
      )

      const rateOf = (model: string) => {
        const rate = rates.get(model) ?? failureRate()
        rates.set(model, rate)
        return rate
      }

      const outcome = Effect.fnUntraced(function* <A>(
        model: string,
        counts: boolean,
        exit: Exit.Exit<A, ModelCallFailed>
      ) {
        const failure = Option.filter(Exit.findErrorOption(exit), meansDown)
        const rate = rateOf(model)
        // A probe speaks for itself.
        const isProbe = (yield* breaker.state(model))._tag !== "Closed"
        if (counts && !isProbe) rate.record(yield* Clock.currentTimeMillis, Option.isSome(failure))
        if (Option.isNone(failure)) return CircuitBreaker.success
        if (!isProbe && !(counts && rate.isTooHigh())) return CircuitBreaker.success
        rate.clear()
        return CircuitBreaker.failure({ retryAfter: failure.value.retryAfter })
      }, Effect.orDie)

      return ModelBreaker.of({
        guard: (model, counts) => (call) =>
          breaker.execute(call, { key: model, classify: (exit) => outcome(model, counts, exit) }).pipe(
            Effect.catchTag("CircuitBreakerError", ({ reason }) =>
              // A probe is on its way: soon more is known.
              Effect.fail(circuitOpen(reason._tag === "CircuitOpen" ? reason.retryAfter : Duration.seconds(1)))
            )
          )
      })
    })
  ).pipe(Layer.provide(CircuitBreaker.layerStoreMemory()))
}

/** One that refuses a request is up, unless it refuses all of them. */
const meansDown = ({ error, retryable }: ModelCallFailed): boolean => retryable || error._tag === "ModelUnavailable"

/** Calls of the last half minute, by the second. */
const failureRate = () => {
  let seconds: Array<{ readonly second: number; calls: number; failures: number }> = []
  const sum = (of: "calls" | "failures") => seconds.reduce((total, each) => total + each[of], 0)
  return {
    record: (nowMillis: number, hasFailed: boolean): void => {
      const second = Math.floor(nowMillis / 1000)
      seconds = seconds.filter((each) => each.second > second - windowSeconds)
      const last = seconds.at(-1)
      const current = last?.second === second ? last : { second, calls: 0, failures: 0 }
      if (current !== last) seconds.push(current)
      current.calls++
      if (hasFailed) current.failures++
    },
    isTooHigh: (): boolean => sum("calls") >= minimumCalls && sum("failures") >= threshold * sum("calls"),
    clear: (): void => {
      seconds = []
    }
  }
}
