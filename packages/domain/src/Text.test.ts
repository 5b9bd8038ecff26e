import { assert, describe, it } from "@effect/vitest"
import { Result, Schema } from "effect"
import { TrimmedText } from "./Text.ts"
import { Email } from "./Users.ts"

/** What trips up code about text: white space of many kinds, marks that compose, case that is not one to one, two-unit characters. */
const Tricky = Schema.Array(
  Schema.Literals([
    " ",
    "\t",
    "\u00a0",
    "\ufeff",
    "\u2028",
    "a",
    "Z",
    "e",
    "\u0301",
    "T",
    "\u0308",
    "İ",
    "Σ",
    "ẞ",
    "Å",
    "😀",
    "@",
    "."
  ])
)

const Name = TrimmedText({ label: "Name", minimum: 1, maximum: 5, description: "A name.", examples: ["Ada"] })
const decodeName = Schema.decodeUnknownResult(Name)
const decodeEmail = Schema.decodeUnknownResult(Email)

const name = (text: unknown) => Result.getOrUndefined(decodeName(text))
const email = (text: unknown) => Result.getOrUndefined(decodeEmail(text))

describe("text", () => {
  it("is trimmed of white space of every kind, and of nothing inside", () => {
    assert.strictEqual(name(" \t\u00a0\ufeffA b\u2028\n"), "A b")
  })

  it("is stored as it was meant: markup and quotes are not escaped", () => {
    assert.strictEqual(name("<R&D>"), "<R&D>")
  })

  it("is composed, so that letters that look alike are alike", () => {
    assert.strictEqual(name("e\u0301"), "\u00e9")
  })

  it("is as long as its characters, not its bytes or code units", () => {
    assert.strictEqual(name("😀😀😀😀😀"), "😀😀😀😀😀")
    assert.isUndefined(name("😀😀😀😀😀😀"))
  })

  it.each([
    ["empty", ""],
    ["only white space", " \n "],
    ["too long", "abcdef"],
    ["no text", 7],
    ["null", null]
  ])("is refused when %s", (_, value) => assert.isUndefined(name(value)))

  it.each([
    ["NUL", "a\u0000"],
    ["an escape", "\u001b[1m"],
    ["a C1 control", "a\u0085"],
    ["half a character", "\ud83d"]
  ])("is refused with %s in it", (_, value) => assert.isUndefined(name(value)))

  it("has up to thirty marks on a letter, which are more than anybody writes", () => {
    const marks = "\u0323".repeat(15) + "\u0302".repeat(16)
    const decodeLong = Schema.decodeUnknownResult(
      TrimmedText({ label: "Text", minimum: 1, maximum: 100, description: "A text.", examples: ["Hello"] })
    )
    assert.isTrue(Result.isSuccess(decodeLong(`x${marks.slice(1)}y`)))
    assert.isTrue(Result.isFailure(decodeLong(`x${marks}y`)))
    // Two code units each.
    assert.isTrue(Result.isSuccess(decodeLong("x" + "\u{1d165}".repeat(30))))
  })

  it("is decided at once, however many marks are on a letter", { timeout: 1000 }, () => {
    assert.isUndefined(name("\u0301".repeat(30_000) + "\u0316".repeat(30_000)))
    assert.isUndefined(name(`a${"\u0301".repeat(15)}${"\u0316".repeat(15)}`.repeat(10_000)))
  })

  it("keeps tabs and line ends", () => {
    assert.strictEqual(name("a\tb\nc"), "a\tb\nc")
  })

  it.prop("reads the same the second time", [Tricky], ([characters]) => {
    const once = name(characters.join(""))
    if (once !== undefined) assert.strictEqual(name(once), once)
  })
})

describe("an e-mail address", () => {
  it.each([
    ["o'brien@x.com", "o'brien@x.com"],
    ["a+b@x.com", "a+b@x.com"],
    ["  Ada@Example.COM\n", "ada@example.com"],
    ["JÖRG@EXÄMPLE.DE", "jörg@exämple.de"],
    ["jo\u0308rg@x.de", "jörg@x.de"],
    // Capital T with two dots is two characters, small t with two dots is one.
    ["T\u0308im@x.de", "\u1e97im@x.de"],
    ["用户@例子.公司", "用户@例子.公司"],
    [`${"a".repeat(64)}@x.com`, `${"a".repeat(64)}@x.com`]
  ])("%j is %j", (sent, read) => assert.strictEqual(email(sent), read))

  it.each([
    "",
    "x",
    "@x.com",
    "a@x",
    "a@.com",
    "a@x.",
    "a@x..com",
    "a b@x.com",
    "a@b@x.com",
    "a@x.com\u0000",
    "a\ufffd@x.com",
    `${"a".repeat(65)}@x.com`,
    `a@${"x".repeat(250)}.com`
  ])("%j is none", (sent) => assert.isUndefined(email(sent)))

  it.prop("reads the same the second time", [Tricky], ([characters]) => {
    const once = email(`a${characters.join("")}@x.com`)
    if (once !== undefined) assert.strictEqual(email(once), once)
  })

  it.prop("is composed, however it was typed", [Tricky], ([characters]) => {
    const address = email(`a${characters.join("")}@x.com`)
    if (address !== undefined) assert.strictEqual(address, address.normalize("NFC"))
  })

  it("is decided at once, however hostile the text", { timeout: 1000 }, () => {
    assert.isUndefined(email(`a@${"x.".repeat(100_000)}`))
    assert.isUndefined(email(`${"a@".repeat(100_000)}x.com`))
    assert.isUndefined(email("\u0301".repeat(30_000) + "\u0316".repeat(30_000)))
  })
})
