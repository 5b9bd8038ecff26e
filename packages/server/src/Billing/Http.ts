import { Api } from "@parley/domain/Api"
import { UnsupportedMediaType } from "@parley/domain/Errors"
import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import type { HttpServerRequest } from "effect/http"
import { Metrics } from "../Telemetry/Metrics.ts"
import { Billing } from "./Billing.ts"

/** As it came: the signature is that of the bytes, so nothing may read them before. */
const bodyOf = ({ arrayBuffer, headers }: HttpServerRequest.HttpServerRequest) =>
  /^application\/json\s*(?:;|$)/iu.test(headers["content-type"] ?? "application/json")
    ? Effect.map(Effect.orDie(arrayBuffer), (bytes) => new Uint8Array(bytes))
    : Effect.fail(new UnsupportedMediaType({}))

export const layer = HttpApiBuilder.group(
  Api,
  "billing",
  Effect.fn(function* (handlers) {
    const billing = yield* Billing
    const metrics = yield* Metrics

    return handlers.handleRaw("stripe", ({ headers, request }) =>
      Effect.map(
        Effect.tap(
          billing.receive({ signature: headers["stripe-signature"], body: Effect.suspend(() => bodyOf(request)) }),
          metrics.billingReceived
        ),
        ({ outcome }) => ({ outcome })
      )
    )
  })
)
