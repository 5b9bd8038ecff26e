import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { TestClock } from "effect/testing"
import { secret, signatureOf } from "../../test/TestBilling.ts"
import * as Signatures from "./Signatures.ts"

const textEncoder = new TextEncoder()

const body = '{"id":"evt_1"}'

/** What becomes of a body that is sent with a header. */
const checked = Effect.fnUntraced(function* (header: string | undefined, sent: string | Uint8Array = body) {
  const verify = yield* Signatures.make(Redacted.make(secret))
  const bytes = typeof sent === "string" ? textEncoder.encode(sent) : sent
  return yield* Effect.match(verify(header, Effect.succeed(bytes)), {
    onSuccess: (text) => ({ text }),
    onFailure: ({ detail }) => ({ detail })
  })
}, Effect.scoped)

const refused = { detail: "Invalid or expired signature" } as const

describe("a signature", () => {
  it.effect("is good for five minutes", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(1_796_000_000_000)
      const header = yield* signatureOf(body)
      assert.deepStrictEqual(yield* checked(header), { text: body })
      yield* TestClock.adjust("299 seconds")
      assert.deepStrictEqual(yield* checked(header), { text: body })
      yield* TestClock.adjust("2 seconds")
      assert.deepStrictEqual(yield* checked(header), refused)
    })
  )

  it.effect("is no younger for another time in its header", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(1_796_000_000_000)
      const header = yield* signatureOf(body)
      yield* TestClock.adjust("301 seconds")
      for (const time of ["1796000301", "NaN", "", "99999999999"])
        assert.deepStrictEqual(yield* checked(header.replace("1796000000", time)), refused, time)
    })
  )

  it.effect("of another secret is none", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* checked(yield* signatureOf(body, { secret: "whsec_of_others" })), refused)
    })
  )

  it.effect("may come with that of another secret, as while the secret is changed", () =>
    Effect.gen(function* () {
      const [, other] = (yield* signatureOf(body, { secret: "whsec_of_others" })).split(",")
      assert.deepStrictEqual(yield* checked(`${yield* signatureOf(body)},${other}`), { text: body })
      const [time, own] = (yield* signatureOf(body)).split(",")
      assert.deepStrictEqual(yield* checked(`${time},${other},${own}`), { text: body })
    })
  )

  it.effect("is of the bytes that were sent, whatever they would mean", () =>
    Effect.gen(function* () {
      const header = yield* signatureOf(body)
      for (const other of [` ${body}`, `${body}\n`, '{"id": "evt_1"}', `\ufeff${body}`, '{"id":"evt_2"}', ""])
        assert.deepStrictEqual(yield* checked(header, other), refused, other)
      for (const other of ["\ufeff{}", "{ }\r\n", '{"name":"Zoë \u{1f600}"}', '{"name":"\ufffd"}'])
        assert.deepStrictEqual(yield* checked(yield* signatureOf(other), other), { text: other })
    })
  )

  it.effect("is of no bytes that are no text, though they would read the same", () =>
    Effect.gen(function* () {
      const header = yield* signatureOf('"\ufffd"')
      assert.deepStrictEqual(yield* checked(header, new Uint8Array([0x22, 0xff, 0x22])), refused)
    })
  )

  for (const header of [
    "v1",
    "t",
    "t=,v1=",
    "t=1,v1",
    "=,=",
    "t=1",
    ",",
    "v1=00",
    "t=1,v0=00",
    "t=1,v1=\u00ff",
    `t=1${",v1=00".repeat(2000)}`
  ])
    it.effect(`is not ${header.slice(0, 40)}`, () =>
      Effect.map(checked(header), (found) => assert.deepStrictEqual(found, refused))
    )

  it.effect("that is not there is told before the body is read", () =>
    Effect.gen(function* () {
      const verify = yield* Signatures.make(Redacted.make(secret))
      for (const header of [undefined, ""]) {
        const error = yield* Effect.flip(verify(header, Effect.die("It was read")))
        assert.strictEqual(error.detail, "Missing signature")
      }
    }).pipe(Effect.scoped)
  )
})
