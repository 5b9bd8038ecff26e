import { Effect } from "effect"
import { Headers } from "effect/http"
import { appEnvironment, isLocal } from "../Settings/Setting.ts"

/**
 * Headers that keep browsers from making more of an answer than it is: no guessing of types, no frames, no scripts, no
 * copies in caches. Each is a default: an answer that is a page or a stream brings its own.
 */
export const safety = Effect.map(appEnvironment.config, (environment) =>
  Headers.fromRecordUnsafe({
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; base-uri 'none'; frame-ancestors 'none'",
    // Says nothing to scripts that ask by CORS: for those, CORS_ORIGINS decides.
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    // A year. On a developer's machine it would keep every other server on localhost from being reached without TLS.
    ...(isLocal(environment) ? {} : { "strict-transport-security": "max-age=31536000" })
  })
)
