import { assert, describe, it } from "@effect/vitest"
import { apiBreaks } from "./apiBreaks.ts"

const Request = {
  type: "object",
  properties: {
    name: { type: "string", minLength: 1, maxLength: 10 },
    mode: { type: "string", enum: ["a", "b"] },
    note: { anyOf: [{ type: "string" }, { type: "null" }] }
  },
  required: ["name"],
  additionalProperties: false
}
const Answer = {
  type: "object",
  properties: {
    id: { type: "string", format: "uuid" },
    count: { type: "integer" },
    state: { type: "string", enum: ["on", "off"] },
    tags: { type: "array", items: { $ref: "#/components/schemas/Tag" } },
    extra: { type: "string" }
  },
  required: ["id", "count", "state", "tags"],
  additionalProperties: false
}
const Tag = {
  type: "object",
  properties: { text: { type: "string" }, below: { type: "array", items: { $ref: "#/components/schemas/Tag" } } },
  required: ["text"]
}
const json = (name: string) => ({ "application/json": { schema: { $ref: `#/components/schemas/${name}` } } })
const cursor = { name: "cursor", in: "query", required: false, schema: { type: "string" } }

interface Parts {
  readonly request?: object
  readonly answer?: object
  readonly tag?: object
  readonly parameters?: ReadonlyArray<object>
  readonly responses?: object
  readonly operation?: object
  readonly paths?: object
}

const document = (parts: Parts = {}) => ({
  paths: {
    "/things": {
      post: {
        security: [],
        parameters: parts.parameters ?? [cursor],
        requestBody: { required: false, content: json("Request") },
        responses: parts.responses ?? { 200: { content: json("Answer") }, 404: { content: json("Tag") } },
        ...parts.operation
      }
    },
    ...parts.paths
  },
  components: {
    schemas: {
      Request: { ...Request, ...parts.request },
      Answer: { ...Answer, ...parts.answer },
      Tag: { ...Tag, ...parts.tag }
    }
  }
})

const before = document({ paths: { "/other": { get: { responses: {} } } } })
const now = (parts: Parts = {}) =>
  document({ ...parts, paths: { "/other": { get: { responses: {} } }, ...parts.paths } })
const request = (properties: object) => now({ request: { properties: { ...Request.properties, ...properties } } })
const answer = (properties: object) => now({ answer: { properties: { ...Answer.properties, ...properties } } })
const without = <K extends string>(key: K, { [key]: _, ...rest }: Record<K, unknown>) => rest

describe("what breaks clients", () => {
  it.each([
    ["a path that is gone", document(), "get /other: is gone"],
    ["a method that is gone", now({ paths: { "/other": { post: { responses: {} } } } }), "get /other: is gone"],
    ["a status that is gone", now({ responses: { 200: { content: json("Answer") } } }), "post /things: 404: is gone"],
    [
      "another content type",
      now({ responses: { 200: { content: { "text/plain": {} } }, 404: { content: json("Tag") } } }),
      "post /things: 200: no more application/json"
    ],
    [
      "an answer without a property",
      now({ answer: { properties: without("count", Answer.properties), required: ["id", "state", "tags"] } }),
      "post /things: 200.count: may be missing"
    ],
    [
      "an answer without one that not all have",
      now({ answer: { properties: without("extra", Answer.properties) } }),
      "post /things: 200.extra: is gone"
    ],
    [
      "an answer that may lack one",
      now({ answer: { required: ["id", "count", "state"] } }),
      "post /things: 200.tags: may be missing"
    ],
    ["a wider answer", answer({ count: { type: "number" } }), "post /things: 200.count: may be number"],
    [
      "a nullable answer",
      answer({ id: { anyOf: [Answer.properties.id, { type: "null" }] } }),
      "post /things: 200.id: may be null"
    ],
    ["an answer of another form", answer({ id: { type: "string" } }), "post /things: 200.id: another format"],
    [
      "a new value in an answer",
      answer({ state: { type: "string", enum: ["on", "off", "?"] } }),
      'post /things: 200.state: may be "?"'
    ],
    [
      "deep in an answer",
      now({ tag: { properties: { ...Tag.properties, text: { type: "null" } } } }),
      "post /things: 200.tags[].text: may be null"
    ],
    [
      "a property that is wanted",
      now({ request: { properties: { ...Request.properties, more: { type: "string" } }, required: ["name", "more"] } }),
      "post /things: the body.more: is required"
    ],
    [
      "one that was optional",
      now({ request: { required: ["name", "mode"] } }),
      "post /things: the body.mode: is required"
    ],
    [
      "one that is no longer taken",
      now({ request: { properties: without("mode", Request.properties) } }),
      "post /things: the body.mode: is gone"
    ],
    [
      "a value that is no longer taken",
      request({ mode: { type: "string", enum: ["a"] } }),
      'post /things: the body.mode: may no longer be "b"'
    ],
    [
      "null, no longer taken",
      request({ note: { type: "string" } }),
      "post /things: the body.note: may no longer be null"
    ],
    [
      "a narrower text",
      request({ name: { type: "string", minLength: 2, maxLength: 10 } }),
      "post /things: the body.name: minLength is 2, was 1"
    ],
    [
      "a shorter text",
      request({ name: { type: "string", minLength: 1, maxLength: 9 } }),
      "post /things: the body.name: maxLength is 9, was 10"
    ],
    [
      "a new pattern",
      request({ name: { ...Request.properties.name, pattern: "^a" } }),
      "post /things: the body.name: another pattern"
    ],
    ["a parameter that is gone", now({ parameters: [] }), "post /things: query cursor: is gone"],
    [
      "a parameter that is wanted",
      now({ parameters: [{ ...cursor, required: true }] }),
      "post /things: query cursor: is required"
    ],
    [
      "a body that is wanted",
      now({ operation: { requestBody: { required: true, content: json("Request") } } }),
      "post /things: the body: is required"
    ],
    ["a token that is wanted", now({ operation: { security: [{ bearer: [] }] } }), "post /things: wants a token"]
  ])("is %s", (_, changed, problem) => assert.include(apiBreaks(before, changed), problem))

  it.each([
    ["nothing", now()],
    ["a new path", now({ paths: { "/new": { get: { responses: {} } } } })],
    ["a new status", now({ responses: { 200: { content: json("Answer") }, 404: { content: json("Tag") }, 500: {} } })],
    ["more in an answer", answer({ more: { type: "string" } })],
    ["less that an answer may be", answer({ state: { type: "string", enum: ["on"] } })],
    ["always what was sometimes", now({ answer: { required: [...Answer.required, "extra"] } })],
    ["more in a request, if one likes", request({ more: { type: "string" } })],
    ["one more value in a request", request({ mode: { type: "string", enum: ["a", "b", "c"] } })],
    ["longer texts", request({ name: { type: "string", maxLength: 20 } })],
    ["a body that need not be whole", now({ request: { required: [] } })],
    ["one more parameter", now({ parameters: [cursor, { ...cursor, name: "limit" }] })]
  ])("is not %s", (_, changed) => assert.isEmpty(apiBreaks(before, changed)))
})
