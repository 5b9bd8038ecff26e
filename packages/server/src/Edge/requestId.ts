import { Effect } from "effect"
import { SecureRandom } from "effect/crypto"

/** What may be repeated in logs and headers without harm. */
const wellFormed = /^[A-Za-z0-9._-]{8,128}$/u

/** The client's `X-Request-Id` when it is well formed, else a new one. */
export const requestId = Effect.map(
  SecureRandom.SecureRandom,
  (random) => (sent: unknown) =>
    typeof sent === "string" && wellFormed.test(sent) ? Effect.succeed(sent) : random.uuidV7()
)
