import { assert, describe, it } from "@effect/vitest"
import { DateTime, Result, Schema } from "effect"
import { limit } from "./Paging.ts"
import { MessageCursor, SessionCursor, SessionId } from "./Sessions.ts"

const sessions = { decode: Schema.decodeUnknownResult(SessionCursor), encode: Schema.encodeSync(SessionCursor) }
const messages = { decode: Schema.decodeUnknownResult(MessageCursor), encode: Schema.encodeSync(MessageCursor) }

const base64Url = Schema.encodeSync(Schema.StringFromBase64Url)

const Time = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 4_102_444_800_000 }))
const Position = Schema.BigInt.check(Schema.isBetweenBigInt({ minimum: 0n, maximum: 2n ** 63n - 1n }))

describe("a cursor", () => {
  it.prop("of sessions comes back as the key it was made of", [Time, SessionId], ([millis, id]) => {
    const key = [DateTime.makeUnsafe(millis), id] as const
    assert.deepStrictEqual(sessions.decode(sessions.encode(key)), Result.succeed(key))
  })

  it.prop("of messages comes back as the key it was made of", [Position], ([position]) => {
    assert.deepStrictEqual(messages.decode(messages.encode(position)), Result.succeed(position))
  })

  it.prop("is safe in a URL as it is", [Time, SessionId], ([millis, id]) => {
    assert.match(sessions.encode([DateTime.makeUnsafe(millis), id]), /^[A-Za-z0-9_-]+$/u)
  })

  it.prop("that nobody gave out is refused in the same words, or is another's key", [Schema.String], ([text]) => {
    const read = sessions.decode(text)
    if (Result.isFailure(read)) assert.include(read.failure.message, "Must be a cursor of this list")
  })

  it.each([
    "",
    "garbage",
    "!!!!",
    base64Url("not JSON"),
    base64Url("[]"),
    base64Url('["yesterday","0199c0de-0000-7000-8000-000000000002"]'),
    base64Url('["2026-01-31T12:00:00.000Z","; DROP TABLE sessions"]'),
    messages.encode(7n)
  ])("of sessions is not %j", (text) => assert.isTrue(Result.isFailure(sessions.decode(text))))

  it.each(["-1", "9223372036854775808", "1.5", "1e3", "0x10", "seven"])(
    "of messages is not at position %s",
    (position) => assert.isTrue(Result.isFailure(messages.decode(base64Url(`"${position}"`))))
  )
})

describe("a limit", () => {
  const decode = Schema.decodeUnknownResult(Schema.Struct({ limit }))

  it.each([
    ["1", 1],
    ["20", 20],
    ["99", 99],
    ["100", 100]
  ])("of %s is taken", (text, number) =>
    assert.deepStrictEqual(decode({ limit: text }), Result.succeed({ limit: number }))
  )

  it("may be left out", () => assert.deepStrictEqual(decode({}), Result.succeed({})))

  it.each(["0", "101", "-1", "abc", "1.5", "", " ", "1e1", "0x10", "007", "∞", "1000"])("of %j is refused", (text) =>
    assert.isTrue(Result.isFailure(decode({ limit: text })))
  )
})
