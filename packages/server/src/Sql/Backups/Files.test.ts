import { NodeServices } from "@effect/platform-node"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import * as Files from "./Files.ts"

layer(NodeServices.layer)("a folder for backups", (it) => {
  // In the first Node's own recursion never ends.
  for (const folder of ["/proc/nope/backups", "/dev/null/backups"])
    it.effect(`is refused at once where it would be ${folder}`, () =>
      Effect.gen(function* () {
        const { message } = yield* Effect.flip(Files.claim(folder))
        assert.match(
          message,
          new RegExp(`^Backups cannot be kept in ${folder}: .+ DATA_DIR names another place\\.$`, "u")
        )
      })
    )
})
