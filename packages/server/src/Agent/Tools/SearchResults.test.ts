import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as SearchResults from "./SearchResults.ts"

const told = (answer: unknown) => Effect.map(SearchResults.decode(JSON.stringify(answer)), SearchResults.format)

const url = "https://otter.example/"

describe("results of SearXNG", () => {
  it.effect("are a numbered list, whatever else the engine says", () =>
    Effect.gen(function* () {
      const results = [
        { title: "Otter", url, content: "It swims.", engine: "x", score: 1.5, publishedDate: null },
        { title: "Sea otter", url: `${url}sea?a=1&b=2`, content: "It floats." }
      ]
      assert.strictEqual(
        yield* told({ query: "otters", number_of_results: 0, answers: [], results, infoboxes: [{}] }),
        `1. Otter\n   ${url}\n   It swims.\n2. Sea otter\n   ${url}sea?a=1&b=2\n   It floats.`
      )
    })
  )

  it.effect.each([
    [{ url }, url],
    [{ title: null, url, content: "It swims." }, `${url}\n   It swims.`],
    [{ title: "Otter", url: null, content: null }, "Otter"],
    [{ title: "", content: "It swims." }, "It swims."]
  ] as const)("may leave things out: %j", ([result, expected]) =>
    Effect.gen(function* () {
      assert.strictEqual(yield* told({ results: [{}, result] }), `1. ${expected}`)
    })
  )

  it.effect.each([{ results: [] }, { results: null }, { results: [{}, { title: " ", content: "<br>" }] }])(
    "may be none: %j",
    (answer) => Effect.map(told(answer), (text) => assert.strictEqual(text, "No results"))
  )

  it.effect("are eight at the most, and short", () =>
    Effect.gen(function* () {
      const long = "😀x".repeat(10_000)
      const text = yield* told({ results: Array.from({ length: 50 }, () => ({ title: long, url, content: long })) })
      assert.deepStrictEqual(text.match(/^\d+\./gmu), ["1.", "2.", "3.", "4.", "5.", "6.", "7.", "8."])
      assert.isBelow(text.length, 5000)
      assert.match(text, /…$/u)
      assert.isTrue(text.isWellFormed())
    })
  )

  it.effect.each([
    ["<b>Otters</b> <i class='x'>swim</i><br/>well<!-- not -->", "Otters swimwell"],
    ["if a < b and c > d", "if a < b and c > d"],
    ["a\nb\r\n\t c\u2028d", "a b c d"],
    ["a\u0000b\u001b[31m\u202e\u200b\ufeffc\u{e0041}\u0085d", "ab[31m cd"],
    ["half \ud83d", "half "]
  ] as const)("are plain text: %j", ([content, expected]) =>
    Effect.gen(function* () {
      assert.strictEqual(yield* told({ results: [{ content }] }), `1. ${expected.trim()}`)
    })
  )

  it.effect.each([
    "javascript:alert(1)",
    "data:text/html,x",
    "/relative",
    "https://x y",
    "https://x\u202ey",
    `https://${"x".repeat(493)}`
  ])("have no address that is too long, or none of the web: %s", (url) =>
    Effect.map(told({ results: [{ title: "Otter", url }] }), (text) => assert.strictEqual(text, "1. Otter"))
  )

  it.effect.each(["<a", "<", "< ", "<a ".repeat(3), " \n"])("are cleaned in a moment, even of %j many times", (text) =>
    Effect.map(told({ results: [{ title: "Otter", content: text.repeat(300_000) }] }), (text) =>
      assert.isBelow(text.length, 400)
    )
  )
})

describe("instant answers of DuckDuckGo", () => {
  it.effect("are the abstract, the results and the topics, in this order", () =>
    Effect.gen(function* () {
      const answer = {
        Abstract: "ignored",
        Answer: {},
        Heading: "Otter",
        AbstractText: "A mammal.",
        AbstractURL: url,
        Results: [{ Text: "Official site", FirstURL: `${url}site`, Icon: {}, Result: "<a>x</a>" }],
        RelatedTopics: [
          { Text: "Sea otter", FirstURL: `${url}sea` },
          { Name: "Others", Topics: [{ Text: "River otter", FirstURL: `${url}river` }, { Text: null }] },
          { Text: "Giant otter" }
        ],
        Type: "A"
      }
      assert.strictEqual(
        yield* told(answer),
        [
          `1. Otter\n   ${url}\n   A mammal.`,
          `2. ${url}site\n   Official site`,
          `3. ${url}sea\n   Sea otter`,
          `4. ${url}river\n   River otter`,
          "5. Giant otter"
        ].join("\n")
      )
    })
  )

  it.effect.each([
    { Heading: "", AbstractText: "", AbstractURL: "", Results: [], RelatedTopics: [] },
    { Heading: null, RelatedTopics: null },
    { RelatedTopics: [{ Name: "Empty", Topics: [] }, { Topics: null }] }
  ])("may be none: %j", (answer) => Effect.map(told(answer), (text) => assert.strictEqual(text, "No results")))
})

describe("what is no answer", () => {
  it.effect.each([{}, { error: "no" }, "text", 7, [[]], [null], { results: "many" }, { results: [{ url: 1 }] }])(
    "is refused: %j",
    (answer) => Effect.asVoid(Effect.flip(told(answer)))
  )
})
