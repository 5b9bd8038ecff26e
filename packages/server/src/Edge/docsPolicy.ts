/** What a page of documentation may do in a browser: run what is written into it, and call the API it came from. */
import { Effect } from "effect"
import { HttpRouter, HttpServerResponse } from "effect/http"
import { createHash } from "node:crypto"

/** What stands in elements of this name, as browsers hash it; with attributes they hold data, which does not run. */
const hashesOf = (element: "script" | "style", html: string): string =>
  [...html.matchAll(new RegExp(`<${element}>([^]*?)</${element}>`, "gu"))]
    .map(([, text = ""]) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`)
    .join(" ")

const policyOf = (html: string): string =>
  [
    "default-src 'none'",
    `script-src ${hashesOf("script", html)}`,
    `style-src ${hashesOf("style", html)}`,
    "img-src data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'"
  ].join("; ")

/** For routes that answer with one and the same page. */
export const layer = HttpRouter.middleware(
  Effect.sync(() => {
    let policy: string | undefined
    return (httpEffect) =>
      Effect.map(httpEffect, (response) => {
        const { body } = response
        policy ??= body._tag === "Uint8Array" ? policyOf(body.text ?? new TextDecoder().decode(body.body)) : undefined
        return policy === undefined
          ? response
          : HttpServerResponse.setHeader(response, "content-security-policy", policy)
      })
  })
).layer
