import { Api } from "@parley/domain/Api"
import { CurrentUser } from "@parley/domain/Users"
import { Effect } from "effect"
import { HttpServerResponse } from "effect/http"
import { HttpApiBuilder } from "effect/http-api"
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

    return handlers.handle("download", () =>
      Effect.gen(function* () {
        const document = yield* exports.of((yield* CurrentUser).id)
        return HttpServerResponse.stream(document, { contentType: "application/json", headers })
      })
    )
  })
)
