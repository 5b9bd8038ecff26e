/** Collectors that do not collect: nobody who asks, and nobody who ends the server, notices. */
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it, layer, vi } from "@effect/vitest"
import { Duration, Effect, Layer, Schedule } from "effect"
import { freePort } from "../../bench/Processes.ts"
import { parse, valueOf } from "../../test/Exposition.ts"
import { type Mood, OtlpReceiver } from "../../test/OtlpReceiver.ts"
import * as ServerProcess from "../../test/ServerProcess.ts"
import { StubModel } from "../../test/StubModel.ts"
import { answer, newcomer } from "../../test/TestChat.ts"
import * as TestDatabase from "../../test/TestDatabase.ts"
import * as TestLog from "../../test/TestLog.ts"
import { TestServer } from "../../test/TestServer.ts"
import { paths, settingsFor } from "../../test/TracedServer.ts"
import { shape } from "../../test/traceTree.ts"
import { exporters } from "./Catalogue.ts"
import { bounded, maxPendingSpans } from "./Exports.ts"

// Servers are started, four of them.
vi.setConfig({ testTimeout: 60_000 })

const moods: ReadonlyArray<Mood | "refusing"> = ["failing", "hang", "refusing"]

for (const mood of moods) {
  const Server = Layer.unwrap(
    Effect.gen(function* () {
      const { be, url } = yield* OtlpReceiver
      if (mood !== "refusing") yield* be(mood)
      const settings = settingsFor(mood === "refusing" ? `http://127.0.0.1:${yield* freePort}` : url)
      return TestServer.layerWith({ settings })
    })
  ).pipe(Layer.provideMerge(OtlpReceiver.layer))

  layer(Server, { excludeTestServices: true })(`with a collector that is ${mood}`, (it) => {
    it.effect("turns are answered as ever, and what is lost is counted and told", () =>
      Effect.gen(function* () {
        const person = yield* newcomer
        for (let said = 0; said < 10; said++) yield* answer(person, `Word ${said}`)
        const told = Effect.map(TestLog.all, (lines) =>
          lines.filter(({ level, message }) => level === "WARN" && message.startsWith("traces are lost"))
        )
        const lines = yield* told.pipe(
          Effect.repeat({
            until: (lines) => new Set(lines.map(({ exporter }) => exporter)).size === 2,
            schedule: Schedule.spaced(50)
          })
        )
        assert.lengthOf(lines, 2)
        const exposition = parse((yield* (yield* TestServer).ask("GET", "/metrics")).text)
        for (const exporter of exporters)
          assert.isAbove(valueOf(exposition, "telemetry_spans_lost_total", { exporter }) ?? 0, 10, exporter)
      })
    )
  })
}

describe("a queue of spans", () => {
  it("has an end, and says what did not fit", () => {
    const lost: Array<string> = []
    const destination = { url: "http://127.0.0.1:9", headers: {}, protocol: "http/json" } as const
    const { hasPlace } = bounded(
      destination,
      (_, why) => lost.push(why),
      (span) => span
    )
    for (let index = 0; index < maxPendingSpans; index++) assert.isTrue(hasPlace())
    assert.isFalse(hasPlace())
    assert.deepStrictEqual(lost, ["queue full"])
  })
})

layer(Layer.mergeAll(OtlpReceiver.layer, StubModel.layer, NodeServices.layer), { excludeTestServices: true })(
  "a server that ends",
  (it) => {
    for (const mood of ["well", ...moods] as const) {
      it.effect(`is gone within three seconds, with a collector that is ${mood}`, () =>
        Effect.gen(function* () {
          const receiver = yield* OtlpReceiver
          yield* receiver.be(mood === "refusing" ? "well" : mood)
          const { baseUrl } = yield* StubModel
          const { url: database } = yield* TestDatabase.make
          const settings = settingsFor(mood === "refusing" ? `http://127.0.0.1:${yield* freePort}` : receiver.url)
          const server = yield* ServerProcess.start({ database, modelUrl: baseUrl, port: yield* freePort, settings })
          const { ask } = server.client
          const requestId = `ends-${mood}`
          const { session_id, token } = yield* Effect.provideService(newcomer, TestServer, server.client)
          const body = { session_id, content: "Hello" }
          yield* ask("POST", "/v1/chat", { token, headers: { "x-request-id": requestId }, body })
          const [took, code] = yield* Effect.timed(server.terminate)
          assert.isBelow(Duration.toMillis(took), 3000)
          assert.strictEqual(Number(code), 0)
          if (mood === "well") {
            const spans = yield* receiver.trace(paths.otlp, requestId)
            assert.strictEqual(shape(spans)[0], "POST /api/v1/chat")
            assert.isNotEmpty(yield* receiver.trace(paths.langfuse, requestId))
          }
        })
      )
    }
  }
)
