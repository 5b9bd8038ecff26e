/** Writes the dashboards as Grafana reads them: `make monitoring-dashboards`. */
import { NodeRuntime, NodeServices } from "@effect/platform-node"
import { Console, Effect, FileSystem } from "effect"
import { fileURLToPath } from "node:url"
import { files, folder } from "./dashboards.ts"

const generate = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const path = fileURLToPath(folder)
  yield* fs.makeDirectory(path, { recursive: true })
  const names = new Set(files.map(({ name }) => name))
  // Of a dashboard that is no more.
  for (const name of yield* fs.readDirectory(path)) if (!names.has(name)) yield* fs.remove(`${path}${name}`)
  for (const { content, name } of files) yield* fs.writeFileString(`${path}${name}`, content)
  yield* Console.log(`${files.length} dashboards in monitoring/grafana/dashboards`)
})

NodeRuntime.runMain(Effect.provide(generate, NodeServices.layer))
