import { assert, describe, it } from "@effect/vitest"
import { Result, Schema } from "effect"
import { FamilyId, UserId } from "./Users.ts"
import { MessageId, SessionId } from "./Sessions.ts"

const written = Schema.String.check(Schema.isUUID())

describe.each([
  ["user", UserId],
  ["login", FamilyId],
  ["session", SessionId],
  ["message", MessageId]
] as const)("the id of a %s", (_, Id) => {
  const decode = Schema.decodeUnknownResult(Id)

  it.prop("is one however it is written", [written], ([uuid]) => {
    const read = [uuid, uuid.toUpperCase(), uuid.toLowerCase()].map((text) => Result.getOrThrow(decode(text)))
    for (const id of read) assert.strictEqual<string>(id, uuid.toLowerCase())
  })

  it("is no other text", () => {
    for (const text of ["", "1", "0199c0de-0000-7000-8000-00000000000g", " 0199c0de-0000-7000-8000-000000000002"]) {
      const read = decode(text)
      assert.include(Result.isFailure(read) ? read.failure.message : "read", "Must be a UUID")
    }
  })
})
