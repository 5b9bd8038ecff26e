import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { Unauthorized } from "./Users.ts"

/** OpenMetrics, the only format there is: it is the one with exemplars. */
export const contentType = "application/openmetrics-text; version=1.0.0; charset=utf-8"

const Exposition = Schema.String.annotate({
  description: "OpenMetrics text",
  examples: ["# HELP llm_retries Further attempts at a model\n# TYPE llm_retries counter\nllm_retries_total 0\n# EOF\n"]
}).pipe(HttpApiSchema.asText({ contentType }))

/** Outside `/api/v1`, where Prometheus looks. */
export class MetricsGroup extends HttpApiGroup.make("metrics")
  .add(
    HttpApiEndpoint.get("metrics", "/metrics", { success: Exposition, error: Unauthorized }).annotateMerge(
      OpenApi.annotations({
        identifier: "metrics.scrape",
        summary: "Metrics",
        description:
          "What the server has counted, as OpenMetrics text for Prometheus. Where the operator has set a token, it is wanted as a bearer token; the token of a user is no good here."
      })
    )
  )
  .annotateMerge(OpenApi.annotations({ title: "Metrics", description: "For Prometheus" })) {}
