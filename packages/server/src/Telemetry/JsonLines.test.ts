import { assert, it } from "@effect/vitest"
import { Cause, Effect, Logger, Schema } from "effect"
import { TestClock } from "effect/testing"
import * as JsonLines from "./JsonLines.ts"

const Json = Schema.fromJsonString(Schema.Record(Schema.String, Schema.Unknown))

/** The lines that are logged, as text. */
const logged = <A, E>(effect: Effect.Effect<A, E>) =>
  Effect.gen(function* () {
    const lines: Array<string> = []
    const logger = Logger.map(JsonLines.format, (line) => void lines.push(line))
    yield* Effect.provide(effect, Logger.layer([logger]))
    return lines
  })
const line = <A, E>(effect: Effect.Effect<A, E>) =>
  Effect.flatMap(logged(effect), ([text]) => Schema.decodeUnknownEffect(Json)(text))

it.effect("a line is flat: the time, the level, the message and what it is annotated with", () =>
  Effect.gen(function* () {
    yield* TestClock.setTime(Date.UTC(2026, 0, 2, 3, 4, 5, 6))
    const annotations = { request_id: "r-1", status: 200, duration_ms: 1.5, nested: { a: [1] }, none: undefined }
    const { time, ...rest } = yield* line(Effect.annotateLogs(Effect.logInfo("request"), annotations))
    assert.strictEqual(time, "2026-01-02T03:04:05.006Z")
    assert.deepStrictEqual(rest, {
      level: "INFO",
      message: "request",
      request_id: "r-1",
      status: 200,
      duration_ms: 1.5,
      nested: '{"a":[1]}',
      none: "undefined"
    })
  })
)

it.effect("its own fields cannot be taken by an annotation", () =>
  Effect.gen(function* () {
    const { level, message } = yield* line(
      Effect.annotateLogs(Effect.logWarning("mine"), { message: "yours", level: "FATAL" })
    )
    assert.deepStrictEqual([level, message], ["WARN", "mine"])
  })
)

it.effect("is one line whatever is in it", () =>
  Effect.gen(function* () {
    const cyclic: Record<string, unknown> = { big: 1n }
    cyclic["self"] = cyclic
    const lines = yield* logged(
      Effect.annotateLogs(Effect.logError('a\n"b"\r\u2028', Cause.die(new Error("c\nd")), cyclic), { "e\nf": cyclic })
    )
    assert.lengthOf(lines, 1)
    assert.notInclude(lines[0], "\n")
    const { error, message } = yield* Schema.decodeUnknownEffect(Json)(lines[0])
    assert.strictEqual(message, 'a\n"b"\r\u2028')
    assert.include(String(error), "Error: c\nd")
  })
)

it.effect("has the ids of the span it is in, and none outside", () =>
  Effect.gen(function* () {
    const inside = yield* line(Effect.withSpan(Effect.logInfo("in"), "some"))
    assert.match(String(inside["trace_id"]), /^[0-9a-f]{32}$/u)
    assert.match(String(inside["span_id"]), /^[0-9a-f]{16}$/u)
    assert.notProperty(yield* line(Effect.logInfo("out")), "trace_id")
  })
)
