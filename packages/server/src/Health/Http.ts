import { Api, version } from "@parley/domain/Api"
import { Degraded, NotReady } from "@parley/domain/Health"
import { DateTime, Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { appEnvironment } from "../Settings/Setting.ts"
import { Health } from "./Health.ts"

export const layer = HttpApiBuilder.group(
  Api,
  "health",
  Effect.fn(function* (handlers) {
    const health = yield* Health
    const environment = yield* appEnvironment.config

    const report = Effect.gen(function* () {
      const components = yield* health.components
      const known = { version, environment, timestamp: yield* DateTime.now, components }
      if (Object.values(components).includes("unhealthy")) return yield* new Degraded(known)
      return { status: "healthy" as const, ...known }
    })

    const ready = Effect.flatMap(health.readiness, (state) =>
      state === "ready" ? Effect.succeed({ status: state }) : Effect.fail(new NotReady({ detail: state }))
    )

    return handlers.handleAll({
      root: () =>
        Effect.succeed({ name: "Parley", version, environment, docs_url: "/docs", openapi_url: "/openapi.json" }),
      health: () => report,
      live: () => Effect.succeed({ status: "live" as const }),
      ready: () => ready
    })
  })
)
