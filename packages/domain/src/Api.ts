import { HttpApi, HttpApiMiddleware, OpenApi } from "effect/http-api"
import { AuthGroup } from "./Auth.ts"
import { BillingGroup } from "./Billing.ts"
import { ChatGroup } from "./Chat.ts"
import { InternalServerError, ServiceUnavailable, ValidationError } from "./Errors.ts"
import { ExportGroup } from "./Export.ts"
import { HealthGroup } from "./Health.ts"
import { RateLimited } from "./Limits.ts"
import { MetricsGroup } from "./Metrics.ts"
import { OpenAiGroup } from "./OpenAi.ts"
import { documented, refusalsDescription } from "./OpenApi.ts"
import { SessionsGroup } from "./Sessions.ts"
import { UsageGroup } from "./Usage.ts"
import { UsersGroup } from "./Users.ts"

export const version = "0.1.0"

/** Around every endpoint: gives what does not decode, and what nobody expected, the shapes of the contract. */
export class Boundary extends HttpApiMiddleware.Service<Boundary>()("@parley/domain/Boundary", {
  error: [ValidationError, InternalServerError, ServiceUnavailable]
}) {}

/** The whole contract. Unknown fields of a request are refused, so that a misspelt option never passes in silence. */
export class Api extends HttpApi.make("parley")
  .add(AuthGroup, UsersGroup, ExportGroup, UsageGroup, SessionsGroup, ChatGroup, BillingGroup)
  .prefix("/api/v1")
  .middleware(RateLimited)
  // Probes are not limited.
  .add(HealthGroup, MetricsGroup)
  .middleware(Boundary)
  // Its errors have another shape, and so it has a boundary of its own.
  .add(OpenAiGroup)
  .annotate(HttpApi.ParseOptions, { errors: "all", onExcessProperty: "error" })
  .annotate(HttpApi.HeadersParseOptions, { errors: "all" })
  .annotate(HttpApi.SuccessParseOptions, {})
  .annotate(HttpApi.ErrorParseOptions, {})
  .annotateMerge(
    OpenApi.annotations({
      title: "Parley",
      version,
      description: `Accounts, sessions, and an agent to talk to: in one JSON answer or as a live stream.\n\n${refusalsDescription}`,
      license: { name: "MIT", identifier: "MIT" },
      // Wherever it is served.
      servers: [{ url: "/" }],
      transform: documented
    })
  ) {}
