/** What a client does with its tokens. */
import { assert } from "@effect/vitest"
import type { Tokens } from "@parley/domain/Auth"
import { Effect, Redacted } from "effect"
import { Auth } from "../src/Auth/Auth.ts"

export type Pair = Pick<Tokens, "access_token" | "refresh_token">

export const refresh = ({ refresh_token }: Pair) =>
  Effect.flatMap(Auth, (auth) => auth.refresh(Redacted.make(refresh_token)))

/** Whether the access token is good. */
export const isGood = ({ access_token }: Pair) =>
  Effect.flatMap(Auth, (auth) => auth.authenticate(Redacted.make(access_token))).pipe(
    Effect.match({ onSuccess: () => true, onFailure: () => false })
  )

/** The refresh token must be refused. */
export const refused = Effect.fnUntraced(function* (pair: Pair) {
  const error = yield* Effect.flip(refresh(pair))
  assert.deepInclude(error, { _tag: "Unauthorized", detail: "Invalid or expired token" })
})
