/** Whether an answer is one that the OpenAPI document speaks of. */
import { contentType as metricsType } from "@parley/domain/Metrics"
import { ChatEvent } from "@parley/domain/Chat"
import { Array, Option, Result, Schema } from "effect"
import { type Document, type Operation, problemsOf, type Response } from "./ApiDocument.ts"
import type { RawReply } from "./rawRequest.ts"

/** What an answer of this status may be: the operation's own, or a refusal of what no operation sees. */
const documented = (document: Document, operation: Operation, status: number): ReadonlyArray<Response> => [
  ...Option.toArray(Option.fromUndefinedOr(operation.responses[String(status)])),
  ...Object.values(document.components.responses).filter(({ description }) => description.startsWith(`${status}: `))
]

const parseJson = Schema.decodeUnknownOption(Schema.fromJsonString(Schema.Unknown))

const decodeEvent = Schema.decodeUnknownResult(ChatEvent, { onExcessProperty: "error" })

/** Fields by name, one a line: as this server writes them. */
const frameOf = (text: string) => Object.fromEntries(text.split("\n").map((line) => line.split(/: (.*)/su, 2)))

/** OpenAI's events have no names and no numbers, and the last is no JSON. */
const done = "data: [DONE]"

const streamProblems = (document: Document, schema: Parameters<typeof problemsOf>[1], text: string) => {
  const frames = text.split("\n\n").filter((frame) => frame !== "" && !frame.startsWith(":"))
  if (frames.at(-1) === done)
    return frames.slice(0, -1).flatMap((frame) => problemsOf(document, schema, frameOf(frame)) || [])
  const [events, problems] = Array.partition(frames.map(frameOf), (frame) =>
    Result.mapError(decodeEvent(frame), ({ message }) => `an event that is none: ${message}`)
  )
  const last = events.at(-1)
  return [
    ...problems,
    ...frames.flatMap((frame) => problemsOf(document, schema, frameOf(frame)) || []),
    ...(events.every(({ id }, index) => id === String(index + 1)) ? [] : ["events are not numbered from 1"]),
    ...(last?.event === "done" || last?.event === "error" ? [] : ["the stream has no end"]),
    ...(last?.event === "error" && last.data.status >= 500 ? [`the stream ends in a ${last.data.status}`] : [])
  ]
}

const bodyProblems = (
  document: Document,
  { content }: Response,
  { headers, text }: RawReply
): ReadonlyArray<string> => {
  const type = String(headers["content-type"] ?? "")
  if (content === undefined) return text === "" && type === "" ? [] : [`a body (${type}) where none is documented`]
  const media = content[type]
  if (media === undefined) return [`the content type ${type || "is missing"}`]
  if (type === "text/event-stream") return streamProblems(document, media.schema, text)
  if (type === metricsType) return text.endsWith("\n# EOF\n") ? [] : ["metrics without an end"]
  return Option.match(parseJson(text), {
    onNone: () => ["a body that is no JSON"],
    onSome: (json) => [problemsOf(document, media.schema, json)].filter((problem) => problem !== "")
  })
}

/** A conflict says when to try again only where that can help. */
const isOptional = (status: number, header: string) => status === 409 && header === "Retry-After"

const headerProblems = (response: Response, { headers, status }: RawReply): ReadonlyArray<string> =>
  Object.keys(response.headers)
    .filter((header) => !isOptional(status, header) && headers[header.toLowerCase()] === undefined)
    .map((header) => `the header ${header} is missing`)

/** What is wrong with an answer; nothing if it is documented. The database and the model are there: no 5xx is. */
export const judge = (document: Document, operation: Operation, reply: RawReply): ReadonlyArray<string> => {
  if (reply.status >= 500 || reply.status === 0) return [`it failed: ${reply.text}`]
  const candidates = documented(document, operation, reply.status)
  if (candidates.length === 0) return ["the status is not documented"]
  const problems = candidates.map((response) => [
    ...headerProblems(response, reply),
    ...bodyProblems(document, response, reply)
  ])
  return problems.some((found) => found.length === 0) ? [] : problems.flat()
}
