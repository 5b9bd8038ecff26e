/** Requests as `fetch` would not send them: bytes, bodies of unknown length, methods and headers of any kind. */
import { Effect } from "effect"
import { request } from "node:http"

export interface RawRequest {
  readonly method: string
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  /** Sent one after the other, chunked unless there is a `content-length`. */
  readonly chunks?: ReadonlyArray<string | Uint8Array>
}

export interface RawReply {
  readonly status: number
  readonly headers: Readonly<Record<string, unknown>>
  readonly text: string
}

export const rawRequest = (url: string, { chunks = [], headers = {}, method, path }: RawRequest) =>
  Effect.callback<RawReply>((resume) => {
    const sent = request(new URL(url), { method, path, headers, agent: false }, (response) => {
      let text = ""
      response.setEncoding("utf8")
      response.on("data", (piece: string) => (text += piece))
      response.on("end", () =>
        resume(Effect.succeed({ status: response.statusCode ?? 0, headers: response.headers, text }))
      )
    })
    // Once the answer is there, the server may close on what it does not want to read.
    sent.on("error", (error) => resume(Effect.die(error)))
    for (const chunk of chunks) sent.write(chunk)
    sent.end()
    return Effect.sync(() => sent.destroy())
  })
