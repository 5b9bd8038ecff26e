/** Requests as they come of many people: each on a connection of its own, from any address of loopback. */
import { Effect } from "effect"
import { request } from "node:http"

export interface Sent {
  readonly method: string
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
  readonly from?: string
}

/** Status 0 is a connection that broke. */
export interface Outcome {
  readonly status: number
  readonly text: string
}

export const send = (url: string, { body, from, headers, method, path }: Sent) =>
  Effect.callback<Outcome>((resume) => {
    const fail = (error: Error) => resume(Effect.succeed({ status: 0, text: error.message }))
    const asked = request(
      new URL(path, url),
      {
        method,
        agent: false,
        headers: { ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers },
        ...(from === undefined ? {} : { localAddress: from })
      },
      (response) => {
        let text = ""
        response
          .setEncoding("utf8")
          .on("data", (piece: string) => (text += piece))
          .on("end", () => resume(Effect.succeed({ status: response.statusCode ?? 0, text })))
          .on("error", fail)
      }
    )
    asked.on("error", fail).end(body === undefined ? undefined : JSON.stringify(body))
    return Effect.sync(() => asked.destroy())
  })
