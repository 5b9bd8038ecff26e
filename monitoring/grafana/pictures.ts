/**
 * Draws the dashboards: `make monitoring-pictures`. It starts everything, uses it for some minutes, and asks the Prometheus
 * that has watched it.
 */
import { NodeRuntime, NodeServices } from "@effect/platform-node"
import { Console, Effect, FileSystem, Layer } from "effect"
import { fileURLToPath } from "node:url"
import { png } from "../charts/png.ts"
import { sheet } from "../charts/Sheet.ts"
import { Monitored } from "../test/Monitored.ts"
import * as Prometheus from "../test/Prometheus.ts"
import * as Traffic from "../test/Traffic.ts"
import { decode } from "./Dashboard.ts"
import { files } from "./dashboards.ts"
import { picture } from "./Picture.ts"

const seconds = 180
const note =
  "Rendered from Prometheus by make monitoring-pictures, after three minutes of made-up traffic. Grafana shows the same data its own way."
const folder = fileURLToPath(new URL("../images/", import.meta.url))

const draw = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const { app, prometheus } = yield* Monitored
  const client = Prometheus.client(prometheus)
  yield* Console.log(`${seconds} seconds of traffic ...`)
  yield* Effect.timeoutOption(
    Traffic.run(app, { people: 12, moments: Infinity, pauseMillis: 400 }),
    `${seconds} seconds`
  )
  yield* fs.makeDirectory(folder, { recursive: true })
  for (const { content } of files) {
    const dashboard = yield* decode(content)
    const drawing = sheet(yield* picture(client, dashboard, { seconds, note }))
    const file = `${dashboard.uid}.png`
    yield* fs.writeFile(`${folder}${file}`, png(drawing))
    yield* Console.log(`monitoring/images/${file}`)
  }
})

NodeRuntime.runMain(Effect.provide(draw, Monitored.layer.pipe(Layer.provideMerge(NodeServices.layer))))
