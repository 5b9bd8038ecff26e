/** `make openapi`: writes the document that the server serves at /openapi.json, without starting one. */
import { Api, version } from "@parley/domain/Api"
import { Console, Effect, FileSystem } from "effect"
import { Argument, Command } from "effect/cli"
import { OpenApi } from "effect/http-api"
import * as Boot from "./Boot.ts"

const openapi = Command.make(
  "openapi",
  {
    path: Argument.String("path").pipe(
      Argument.withDescription("Where to write it"),
      Argument.withDefault("openapi.json")
    )
  },
  Effect.fn(function* ({ path }) {
    const fs = yield* FileSystem.FileSystem
    yield* fs.writeFileString(path, `${JSON.stringify(OpenApi.fromApi(Api), null, 2)}\n`)
    yield* Console.log(`Wrote ${path}`)
  })
).pipe(Command.withDescription("Writes the OpenAPI document"))

Boot.run(Effect.provide(Command.run(openapi, { version }), Boot.layer))
