/** Servers that answer what a test says. */
import { Effect } from "effect"
import { createServer } from "node:http"
import { listening } from "./listening.ts"

export type Answers = Readonly<Record<string, unknown>>

/** Answers each path with this as JSON, or with a status alone; what is not there is a 404. */
export const serving = (answers: Answers | number) =>
  Effect.map(
    listening(
      createServer(({ url = "/" }, response) => {
        const answer = typeof answers === "number" ? undefined : answers[url.split("?")[0] ?? ""]
        response.statusCode = typeof answers === "number" ? answers : answer === undefined ? 404 : 200
        response.end(answer === undefined ? "Bad gateway" : JSON.stringify(answer))
      })
    ),
    (port) => `http://127.0.0.1:${port}`
  )
