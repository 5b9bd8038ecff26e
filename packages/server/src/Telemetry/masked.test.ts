import { assert, describe, it } from "@effect/vitest"
import { masked } from "./masked.ts"

describe("what Langfuse is shown", () => {
  for (const [said, shown] of [
    ["write to ada@example.com.", "write to [e-mail]."],
    ["a+b@x.co and o'brien@sub.example.org", "[e-mail] and o'[e-mail]"],
    ["<jürgen@müller.de>", "<[e-mail]>"],
    ["mailto:ada@example.com?subject=x", "mailto:[e-mail]?subject=x"],
    ["@home, 3 @ 5, me@localhost, a@b@example.com", "@home, 3 @ 5, me@localhost, a@[e-mail]"],
    ["4111111111111111", "[card]"],
    ["4111 1111 1111 1111 and 5500-0000-0000-0004", "[card] and [card]"],
    ["on 2024-05-01 4111 1111 1111 1111 12/29", "on 2024-05-01 [card] 12/29"],
    ["378282246310005", "[card]"],
    ["3782 822463 10005", "[card]"],
    ["4111 1111 1111 1112", "4111 1111 1111 1112"],
    ["12345678901234567890123", "12345678901234567890123"],
    ["+49 30 1234567", "+49 30 1234567"],
    ['[{"content":"a\\nbob@example.com"}]', '[{"content":"a\\n[e-mail]"}]'],
    ['{"card":"4111 1111 1111 1111","n":12}', '{"card":"[card]","n":12}'],
    ['{"args":{"card":4111111111111111,"n":4111111111111112}}', '{"args":{"card":"[card]","n":4111111111111112}}'],
    ["[no JSON] ada@example.com", "[no JSON] [e-mail]"]
  ] as const) {
    it(`of ${said}`, () => assert.strictEqual(masked(said), shown))
  }

  it("takes its time from the length of the text alone", () => {
    const started = performance.now()
    for (const part of ["a", "@", "a@", "1", "1 ", "a.", "a@b.", "é@"]) masked(part.repeat(100_000))
    assert.isBelow(performance.now() - started, 2000)
  })
})
