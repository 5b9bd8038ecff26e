/** A mail server on loopback, whose messages are read as a mail program does. */
import { Effect } from "effect"
import { buffer } from "node:stream/consumers"
import PostalMime, { type Email } from "postal-mime"
import { SMTPServer } from "smtp-server"
import { portOf } from "./listening.ts"

/** Its address, and what has come, also as the lines that it was. With `refusal` it takes nothing, but for who is called `known`, and says why. */
export const open = Effect.fnUntraced(function* (refusal?: string, known = "") {
  const received: Array<Email> = []
  const lines: Array<string> = []
  const passwords: Array<string> = []
  const smtp = new SMTPServer({
    disabledCommands: ["STARTTLS"],
    allowInsecureAuth: true,
    authOptional: true,
    onAuth: ({ password }, _session, callback) => {
      passwords.push(password ?? "")
      callback(null, { user: "parley" })
    },
    onRcptTo: ({ address }, _session, callback) =>
      callback(refusal === undefined || address === known ? null : new Error(refusal)),
    onData: (stream, _session, callback) => {
      void buffer(stream)
        .then((raw) => {
          lines.push(...raw.toString("latin1").split("\r\n"))
          return PostalMime.parse(raw)
        })
        .then((email) => {
          received.push(email)
          callback()
        })
    }
  })
  yield* Effect.acquireRelease(
    Effect.callback<void>((resume) => void smtp.listen(0, "127.0.0.1", () => resume(Effect.void))),
    () => Effect.callback<void>((resume) => void smtp.close(() => resume(Effect.void)))
  )
  return { lines, passwords, received, url: `smtp://127.0.0.1:${portOf(smtp.server.address())}` }
})
