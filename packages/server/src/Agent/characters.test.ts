import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { joiner, storable } from "./characters.ts"

/** Any UTF-16, with more of what is broken than chance would give. */
const Piece = Schema.Array(Schema.Literals(["a", "\0", "\ud83d", "\ude00", "é", "😀"])).check(Schema.isMaxLength(4))

describe("text from a model", () => {
  it.prop("is the same in pieces as in one", { pieces: Schema.Array(Piece) }, ({ pieces }) => {
    const texts = pieces.map((piece) => piece.join(""))
    const characters = joiner()
    const joined = texts.map(characters.add).join("") + characters.end()
    assert.strictEqual(joined, storable(texts.join("")))
    assert.isTrue(joined.isWellFormed() && !joined.includes("\0"))
  })

  it("is left as it is when nothing is wrong with it", () => {
    assert.strictEqual(storable("a 😀 \u2028 é"), "a 😀 \u2028 é")
  })
})
