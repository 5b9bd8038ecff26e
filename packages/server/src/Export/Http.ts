import { NodeHttpServerRequest } from "@effect/platform-node"
import { Api } from "@parley/domain/Api"
import { CurrentUser } from "@parley/domain/Users"
import { Effect } from "effect"
import { HttpServerResponse } from "effect/http"
import { HttpApiBuilder } from "effect/http-api"
import { dropStalled } from "../Edge/dropStalled.ts"
import { Export } from "./Export.ts"

const headers = {
  "content-disposition": 'attachment; filename="parley-export.json"',
  "cache-control": "no-store"
}

export const layer = HttpApiBuilder.group(
  Api,
  "export",
  Effect.fn(function* (handlers) {
    const exports = yield* Export

    return handlers.handle("download", ({ request }) =>
      Effect.gen(function* () {
        const drop = Effect.sync(() => NodeHttpServerRequest.toServerResponse(request).destroy())
        const document = yield* dropStalled(yield* exports.of((yield* CurrentUser).id), drop)
        return HttpServerResponse.stream(document, { contentType: "application/json", headers })
      })
    )
  })
)
