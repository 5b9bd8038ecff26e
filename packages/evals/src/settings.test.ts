import { NodeServices } from "@effect/platform-node"
import { assert, layer } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import { fileURLToPath } from "node:url"
import { settings } from "./settings.ts"

const names = Object.values(settings)
  .map(({ name }) => name)
  .toSorted()

const found = (file: string, pattern: RegExp) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const text = yield* fs.readFileString(fileURLToPath(new URL(`../../../${file}`, import.meta.url)))
    return [...text.matchAll(pattern)].map(([, name]) => name).toSorted()
  })

layer(NodeServices.layer)("the settings of evaluations", (it) => {
  it.effect("are in .env.example and in the README's table, each once", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* found(".env.example", /^#(EVALUATION_[A-Z_]+)=/gmu), names)
      assert.deepStrictEqual(yield* found("README.md", /^\| `(EVALUATION_[A-Z_]+)` \|/gmu), names)
    })
  )
})
