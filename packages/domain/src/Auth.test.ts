import { assert, describe, it } from "@effect/vitest"
import { Redacted, Result, Schema, SchemaIssue } from "effect"
import { RefreshToken } from "./Auth.ts"
import { NewPassword, Password } from "./Passwords.ts"

const problems = <A>(schema: Schema.Codec<A, string>) => {
  const decode = Schema.decodeUnknownResult(schema, { errors: "all" })
  const format = SchemaIssue.makeFormatterStandardSchemaV1()
  return (value: unknown) => {
    const read = decode(value)
    return Result.isFailure(read) ? format(read.failure.issue).issues.map(({ message }) => message) : []
  }
}
const newPassword = problems(NewPassword)
const password = problems(Password)
const refreshToken = problems(RefreshToken)

const short = "Password must have at least 8 characters"
const upper = "Password must contain at least one uppercase letter"
const lower = "Password must contain at least one lowercase letter"
const number = "Password must contain at least one number"
const special = "Password must contain at least one special character"
const long = "Password must have at most 72 bytes"

describe("a new password", () => {
  it.each([
    ["", [short, upper, lower, number, special]],
    ["Abcde1!", [short]],
    ["abcdef1!", [upper]],
    ["ABCDEF1!", [lower]],
    ["Abcdefg!", [number]],
    ["Abcdefg1", [special]],
    ["Abcdef 1", [special]],
    ["abc", [short, upper, number, special]],
    ["Correct-horse-7", []]
  ])("%j breaks these rules, all told at once: %j", (value, expected) =>
    assert.deepStrictEqual(newPassword(value), expected)
  )

  it.each(["Пароль-1", "Ünïcode_9", "<b>&Aa1;", "\"'Aa1'\"xx", "Pass😀word1"])(
    "may be %j: letters of any script, and markup as it is",
    (value) => assert.deepStrictEqual(newPassword(value), [])
  )

  it("has 72 bytes at the most, and is refused beyond that instead of cut off", () => {
    const rest = "Aa1!"
    assert.deepStrictEqual(newPassword(rest + "x".repeat(68)), [])
    assert.deepStrictEqual(newPassword(rest + "x".repeat(69)), [long])
    assert.deepStrictEqual(newPassword(rest + "ä".repeat(34)), [])
    assert.deepStrictEqual(newPassword(`${rest}x${"ä".repeat(34)}`), [long])
  })

  it("counts characters, not code units, to eight", () => {
    assert.deepStrictEqual(newPassword("Aa1😀😀"), [short])
    assert.deepStrictEqual(newPassword("Aa1😀😀😀😀😀"), [])
  })

  it("is taken as it is: neither trimmed nor normalized", () => {
    const value = "  Aa1!e\u0301  "
    const read = Schema.decodeUnknownSync(NewPassword)(value)
    assert.strictEqual(Redacted.value(read), value)
  })

  it.each(["Aa1!xxxx\u0000", "Aa1!xxxx\ud83d", "Aa1!xxxx\ufffd"])(
    "may not be %j, which bcrypt or a database would change",
    (value) => assert.deepStrictEqual(newPassword(value), ["Password must not contain NUL or broken Unicode"])
  )

  it.each([7, null, true, {}, []])("is a string, not %j", (value) =>
    assert.deepStrictEqual(newPassword(value), ["Password must be a string"])
  )

  it("does not show itself when printed", () => {
    assert.notInclude(String(Schema.decodeUnknownSync(NewPassword)("Correct-horse-7")), "horse")
  })
})

describe("a password to be checked", () => {
  it("need not follow the rules of new ones, which were others once", () => assert.deepStrictEqual(password("x"), []))
  it("is refused beyond 72 bytes", () => assert.deepStrictEqual(password("x".repeat(73)), [long]))
})

describe("a refresh token", () => {
  it("is 43 characters of base64url", () => assert.deepStrictEqual(refreshToken("a-_9".repeat(10) + "abc"), []))
  it.each(["", "a".repeat(42), "a".repeat(44), `${"a".repeat(42)}=`, "eyJhbGciOiJIUzI1NiJ9.e30.x"])(
    "is not %j",
    (value) => assert.deepStrictEqual(refreshToken(value), ["Not a refresh token"])
  )
})
