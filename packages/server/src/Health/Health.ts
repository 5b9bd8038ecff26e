import type { ComponentStatus } from "@parley/domain/Health"
import { Context, type Duration, Effect, Fiber, Layer, Option, type Scope } from "effect"
import { Shutdown } from "../Shutdown/Shutdown.ts"
import * as HealthRepo from "./HealthRepo.ts"

export type Readiness = "ready" | "Shutting down" | "The database is not reachable" | "The schema is not current"

/** What probes ask. The database is asked at most once a second, however many probes there are. */
export class Health extends Context.Service<
  Health,
  {
    readonly components: Effect.Effect<Readonly<Record<string, ComponentStatus>>>
    readonly readiness: Effect.Effect<Readiness>
  }
>()("@parley/server/Health") {
  static readonly layer = Layer.effect(
    Health,
    Effect.gen(function* () {
      const repo = yield* HealthRepo.make
      const shutdown = yield* Shutdown
      // A schema never goes back. Not asked again once it is current, because a newer server locks its table while it
      // migrates, and servers that work must stay ready meanwhile.
      let seenCurrent = false
      const current = yield* Effect.suspend(() => (seenCurrent ? Effect.as(repo.ping, true) : repo.isCurrent)).pipe(
        Effect.tap((isCurrent) => Effect.sync(() => void (seenCurrent = isCurrent))),
        answeredWithin("2 seconds", yield* Effect.scope),
        Effect.catchCause(() => Effect.succeed(Option.none<boolean>())),
        Effect.cachedWithTTL("1 second")
      )
      const database = Effect.map(
        current,
        Option.match({
          onNone: () => "The database is not reachable" as const,
          onSome: (isCurrent) => (isCurrent ? ("ready" as const) : ("The schema is not current" as const))
        })
      )
      const readiness = Effect.suspend(() =>
        shutdown.hasBegun() ? Effect.succeed("Shutting down" as const) : database
      )
      const components = Effect.map(database, (state) => ({
        api: "healthy" as const,
        database: state === "ready" ? ("healthy" as const) : ("unhealthy" as const)
      }))
      return Health.of({ components, readiness })
    })
  )
}

/** Does not wait for what is late to end: the driver takes seconds to give up a connection on which nothing comes. */
const answeredWithin =
  (duration: Duration.Input, scope: Scope.Scope) =>
  <A, E, R>(question: Effect.Effect<A, E, R>) =>
    Effect.flatMap(Effect.forkIn(question, scope), (fiber) =>
      Fiber.join(fiber).pipe(
        Effect.timeoutOption(duration),
        Effect.ensuring(Effect.sync(() => fiber.interruptUnsafe()))
      )
    )
