import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, OpenApi } from "effect/http-api"
import { Timestamp } from "./Scalars.ts"

const version = Schema.String.annotate({ examples: ["0.1.0"] })
const environment = Schema.Literals(["development", "staging", "production", "test"])

export const Root = Schema.Struct({
  name: Schema.String.annotate({ examples: ["Parley"] }),
  version,
  environment,
  docs_url: Schema.String.annotate({ examples: ["/docs"] }),
  openapi_url: Schema.String.annotate({ examples: ["/openapi.json"] })
}).annotate({ identifier: "Root" })

export const ComponentStatus = Schema.Literals(["healthy", "unhealthy"])
export type ComponentStatus = typeof ComponentStatus.Type

const healthFields = {
  version,
  environment,
  timestamp: Timestamp,
  components: Schema.Record(Schema.String, ComponentStatus).annotate({
    description: "Each part the server stands on",
    examples: [{ api: "healthy", database: "healthy" }]
  })
}

export const Health = Schema.Struct({ status: Schema.tag("healthy"), ...healthFields }).annotate({
  identifier: "Health"
})

export class Degraded extends Schema.Error<Degraded>("Degraded")(
  { status: Schema.tag("degraded"), ...healthFields },
  { httpApiStatus: 503, description: "A part is unhealthy; `components` tells which." }
) {
  readonly _tag = "Degraded" as const
}

export const Live = Schema.Struct({ status: Schema.tag("live") }).annotate({ identifier: "Live" })
export const Ready = Schema.Struct({ status: Schema.tag("ready") }).annotate({ identifier: "Ready" })

export class NotReady extends Schema.Error<NotReady>("NotReady")(
  { detail: Schema.Literals(["The database is not reachable", "The schema is not current", "Shutting down"]) },
  { httpApiStatus: 503, description: "The server should get no traffic now." }
) {
  readonly _tag = "NotReady" as const
}

const annotated = (summary: string, description: string) => OpenApi.annotations({ summary, description })

/** Outside `/api/v1`, where probes and people look. */
export class HealthGroup extends HttpApiGroup.make("health")
  .add(
    HttpApiEndpoint.get("root", "/", { success: Root }).annotateMerge(
      annotated("What this is", "Name, version and where the documentation is.")
    ),
    HttpApiEndpoint.get("health", "/health", { success: Health, error: Degraded }).annotateMerge(
      OpenApi.annotations({
        identifier: "health.status",
        summary: "Health",
        description: "The state of the server and of each part it stands on."
      })
    ),
    HttpApiEndpoint.get("live", "/health/live", { success: Live }).annotateMerge(
      annotated("Liveness probe", "The process answers. Never touches the database.")
    ),
    HttpApiEndpoint.get("ready", "/health/ready", { success: Ready, error: NotReady }).annotateMerge(
      annotated(
        "Readiness probe",
        "The database is reachable, its schema current, and the server is not shutting down."
      )
    )
  )
  .annotateMerge(OpenApi.annotations({ title: "Health", description: "For probes and operators" })) {}
