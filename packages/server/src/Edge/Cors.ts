/** Which pages of other origins may call the API: those of CORS_ORIGINS. Never with cookies, of which there are none. */
import { Duration, Effect } from "effect"
import { HttpMiddleware, HttpRouter, HttpServerRequest } from "effect/http"
import { settings } from "./settings.ts"

const isPreflight = ({ headers, method }: HttpServerRequest.HttpServerRequest): boolean =>
  method === "OPTIONS" && headers["access-control-request-method"] !== undefined

export const layer = HttpRouter.middleware(
  Effect.gen(function* () {
    const origins = yield* settings.corsOrigins.config
    const cors = HttpMiddleware.cors({
      // As a list it would be sent to everybody when it has one, and allow everybody when it has none.
      allowedOrigins: origins.includes("*") ? ["*"] : (origin) => origins.includes(origin),
      allowedMethods: ["GET", "HEAD", "POST", "PATCH", "DELETE"],
      allowedHeaders: ["authorization", "content-type", "x-request-id"],
      exposedHeaders: ["X-Request-Id", "Retry-After", "RateLimit", "RateLimit-Policy"],
      maxAge: Duration.toSeconds("1 hour")
    })

    return (httpEffect) => {
      if (origins.length === 0) return httpEffect
      const shared = cors(httpEffect)
      return Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) =>
        request.method === "OPTIONS" && !isPreflight(request) ? httpEffect : shared
      )
    }
  }),
  { global: true }
)
