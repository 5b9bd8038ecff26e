import { Api } from "@parley/domain/Api"
import { Unauthorized } from "@parley/domain/Users"
import { Effect, Option, Redacted } from "effect"
import { Digest } from "effect/crypto"
import { HttpApiBuilder } from "effect/http-api"
import { timingSafeEqual } from "node:crypto"
import { Metrics } from "./Metrics.ts"
import { settings } from "./settings.ts"

const textEncoder = new TextEncoder()

export const layer = HttpApiBuilder.group(
  Api,
  "metrics",
  Effect.fn(function* (handlers) {
    const { exposition } = yield* Metrics
    const digest = yield* Digest.Digest
    const token = yield* settings.metricsToken.config
    // Of one length, so that comparing them takes one time.
    const hashOf = (text: string) => Effect.orDie(digest.digest(Digest.sha256, textEncoder.encode(text)))
    const expected = yield* Effect.transposeOption(Option.map(token, (token) => hashOf(Redacted.value(token))))

    const authorize = Effect.fnUntraced(function* (header: string | undefined) {
      if (Option.isNone(expected)) return
      const sent = /^Bearer +(\S+)$/iu.exec(header ?? "")?.[1]
      if (sent === undefined) return yield* new Unauthorized({ detail: "Not authenticated" })
      if (timingSafeEqual(yield* hashOf(sent), expected.value)) return
      return yield* new Unauthorized({ detail: "Invalid or expired token" })
    })

    return handlers.handleAll({
      metrics: ({ request }) => Effect.andThen(authorize(request.headers["authorization"]), exposition)
    })
  })
)
