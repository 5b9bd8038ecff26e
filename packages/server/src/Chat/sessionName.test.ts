import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { sessionName } from "./sessionName.ts"

const Text = Schema.String.check(
  Schema.isMaxLength(200),
  Schema.makeFilter((text) => text.isWellFormed())
)

describe("the name of a session", () => {
  it.each([
    ["a short message", "Hello there", "Hello there"],
    ["40 characters", "x".repeat(40), "x".repeat(40)],
    [
      "whole words of a longer one",
      "What is the capital of France, and how many",
      "What is the capital of France, and how"
    ],
    ["a word that ends at the limit", `${"x".repeat(30)} ${"y".repeat(9)} more`, `${"x".repeat(30)} ${"y".repeat(9)}`],
    ["no word that ends one after the limit", `${"x".repeat(30)} ${"y".repeat(10)} more`, "x".repeat(30)],
    ["the beginning of one long word", "x".repeat(100), "x".repeat(40)],
    ["one line of many", "Dear Sir,\n\n\tI have   a question\r\nfor you", "Dear Sir, I have a question for you"],
    ["what comes after much space", `a${" ".repeat(500)}b`, "a b"],
    ["emoji whole", "😀".repeat(50), "😀".repeat(40)],
    ["a family of five code points whole", "👨‍👩‍👧".repeat(9), "👨‍👩‍👧".repeat(8)],
    ["a flag whole", `${"x".repeat(39)}🇩🇪`, "x".repeat(39)],
    ["an accent with its letter", `${"x".repeat(39)}e\u0301`, "x".repeat(39)],
    ["40 code points of what has no end", `a${"\u0301".repeat(100)}`, `a${"\u0301".repeat(39)}`],
    [
      "characters of a language without spaces",
      "東京の天気はどうですか。".repeat(5),
      "東京の天気はどうですか。".repeat(5).slice(0, 40)
    ]
  ])("is %s", (_, content, name) => {
    assert.strictEqual(sessionName(content), name)
  })

  it.prop("is never empty, longer than 40 code points, or broken", { content: Text }, ({ content }) => {
    const name = sessionName(content.trim())
    if (content.trim() === "") return name === ""
    const length = Array.from(name).length
    return length > 0 && length <= 40 && name.isWellFormed() && name === name.trim()
  })
})
