/** The document as clients find it in the repository. That it is what the server serves is told in `openapi.test.ts`. */
import { NodeServices } from "@effect/platform-node"
import { assert, layer } from "@effect/vitest"
import { isJson, type Json } from "@parley/domain/OpenApiExamples"
import { Ajv2020 } from "ajv/dist/2020.js"
import formats from "ajv-formats"
import { Effect, FileSystem, Schema } from "effect"
import { ChildProcess, ChildProcessSpawner } from "effect/process"
import { createRequire } from "node:module"
import { fileURLToPath } from "node:url"
import { apiBreaks } from "../test/apiBreaks.ts"

const root = fileURLToPath(new URL("../../..", import.meta.url))
const decode = Schema.decodeUnknownEffect(Schema.fromJsonString(Schema.Record(Schema.String, Schema.Unknown)))

const read = Effect.fnUntraced(function* (path: string) {
  const fs = yield* FileSystem.FileSystem
  return yield* Effect.flatMap(fs.readFileString(`${root}/${path}`), decode)
})

/** Every media type with a schema, with the path to it as a JSON pointer. */
const mediaOf = (node: unknown, pointer = "#"): ReadonlyArray<{ readonly media: Json; readonly pointer: string }> => {
  if (typeof node !== "object" || node === null) return []
  const media =
    isJson(node) && "schema" in node && ("example" in node || "examples" in node) ? [{ media: node, pointer }] : []
  const below = Object.entries(node).flatMap(([key, value]) =>
    mediaOf(value, `${pointer}/${encodeURIComponent(key.replaceAll("~", "~0").replaceAll("/", "~1"))}`)
  )
  return [...media, ...below]
}

const examplesOf = ({ example, examples }: Json): ReadonlyArray<unknown> => [
  ...(example === undefined ? [] : [example]),
  ...(isJson(examples) ? Object.values(examples).map((named) => (isJson(named) ? named["value"] : named)) : [])
]

layer(NodeServices.layer)("openapi.json", (it) => {
  it.effect("breaks no client that was made for docs/openapi.baseline.json", () =>
    Effect.gen(function* () {
      const breaks = apiBreaks(yield* read("docs/openapi.baseline.json"), yield* read("openapi.json"))
      assert.isEmpty(breaks, "If it is meant: `make openapi-baseline`, as CONTRIBUTING says.")
    })
  )

  it.effect("has examples that conform to their schemas, and schemas that are some", () =>
    Effect.gen(function* () {
      const document = yield* read("openapi.json")
      const ajv = new Ajv2020({ strict: false, validateFormats: true, allErrors: true })
      formats.default(ajv)
      ajv.addSchema(document, "openapi.json")
      const all = mediaOf(document["paths"], "#/paths")
      assert.isAbove(all.length, 100)
      for (const { media, pointer } of all) {
        const validate = ajv.compile({ $ref: `openapi.json${pointer}/schema` })
        for (const example of examplesOf(media))
          assert.isTrue(validate(example), `${pointer}: ${ajv.errorsText(validate.errors)}`)
      }
    })
  )

  it.effect("has nothing that its linter would warn of", () =>
    Effect.gen(function* () {
      const spawner = yield* ChildProcessSpawner.ChildProcessSpawner
      const cli = createRequire(import.meta.url).resolve("@redocly/cli/bin/cli.js")
      const args = [cli, "lint", "openapi.json", "--format=stylish"]
      const options = {
        cwd: root,
        extendEnv: true,
        env: { REDOCLY_SUPPRESS_UPDATE_NOTICE: "true", REDOCLY_TELEMETRY: "off" }
      }
      const told = yield* spawner.string(ChildProcess.make(process.execPath, args, options), { includeStderr: true })
      assert.include(told, "Your API description is valid")
    })
  )
})
