/** What search engines answer, and how the model is told. */
import { Schema } from "effect"

const maxResults = 8
const maxCharacters = { title: 200, url: 500, snippet: 300 }

const text = Schema.optional(Schema.NullOr(Schema.String))
const list = <S extends Schema.Constraint>(item: S) => Schema.optional(Schema.NullOr(Schema.Array(item)))
const Topic = Schema.Struct({ Text: text, FirstURL: text })

/** Either engine may leave out anything, but an object that has nothing of theirs is no answer. */
const Answer = Schema.Struct({
  // SearXNG, https://docs.searxng.org/dev/search_api.html
  results: list(Schema.Struct({ title: text, url: text, content: text })),
  // DuckDuckGo's instant answers
  Heading: text,
  AbstractText: text,
  AbstractURL: text,
  Results: list(Topic),
  RelatedTopics: list(Schema.Struct({ ...Topic.fields, Topics: list(Topic) }))
}).check(Schema.isMinProperties(1))

export const decode = Schema.decodeUnknownEffect(Schema.fromJsonString(Answer))

/** A numbered list. */
export const format = (answer: typeof Answer.Type): string => {
  const topics = (answer.RelatedTopics ?? []).flatMap((topic) => [topic, ...(topic.Topics ?? [])])
  const found = [
    ...(answer.results ?? []).map(({ content, title, url }) => entry(title, url, content)),
    entry(answer.Heading, answer.AbstractURL, answer.AbstractText),
    ...[...(answer.Results ?? []), ...topics].map(({ FirstURL, Text }) => entry("", FirstURL, Text))
  ].filter((entry) => entry !== "")
  return found.length === 0
    ? "No results"
    : found
        .slice(0, maxResults)
        .map((entry, index) => `${index + 1}. ${entry}`)
        .join("\n")
}

type Text = string | null | undefined

const entry = (title: Text, url: Text, snippet: Text): string =>
  [cut(plain(title), maxCharacters.title), address(url), cut(plain(snippet), maxCharacters.snippet)]
    .filter((line) => line !== "")
    .join("\n   ")

/** Half of one, or one that runs a script, is worse than none. */
const address = (url: Text): string =>
  url && url.length <= maxCharacters.url && /^https?:\/\/[^\s\p{C}<>]+$/iu.test(url) ? url : ""

/** Without tags, line breaks and what cannot be seen. */
const plain = (text: Text): string =>
  (text ?? "")
    .replaceAll(/<[a-z/!][^<>]*>/giu, "")
    .replaceAll(/\s+/gu, " ")
    .replaceAll(/\p{C}/gu, "")
    .trim()

/** Not in the middle of a surrogate pair. */
const cut = (text: string, length: number): string =>
  text.length > length ? `${text.slice(0, length - 1).replace(/\p{Cs}$/u, "")}…` : text
