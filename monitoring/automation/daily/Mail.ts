/** One message, as text, HTML and pictures, to a mail server. */
import { Context, type Duration, Effect, Predicate, Redacted, Schema } from "effect"
import { createTransport } from "nodemailer"
import { reasonOf, shortened } from "../Asked.ts"
import type { Picture } from "./pictures.ts"
import type { MailSettings } from "./settings.ts"

export class MailNotSent extends Schema.TaggedError<MailNotSent>()("MailNotSent", {
  server: Schema.String,
  reason: Schema.String,
  folder: Schema.String
}) {
  override get message() {
    return `The mail was not sent: ${this.server} ${this.reason}\nThe report is kept in ${this.folder}; run the same again to send it. SMTP_URL says which server, REPORT_FROM and REPORT_TO who writes to whom.`
  }
}

/** How long it all may take. */
export const MailWithin = Context.Reference<Duration.Input>("@parley/monitoring/MailWithin", {
  defaultValue: () => "60 seconds"
})

export interface Message {
  /** The same for the same report: a mail program shows what comes twice once. */
  readonly id: string
  readonly subject: string
  readonly text: string
  readonly html: string
  /** `html` names them by `cid:`. */
  readonly pictures: ReadonlyArray<Picture>
}

/** A connection that never leaves this machine needs no secrecy. */
const isLoopback = (host: string) => /^(localhost|127(\.\d+){3}|\[::1\])$/u.test(host)

/** What goes wrong before there is anybody who could say something. */
const beforeWords = new Set(["ECONNECTION", "ECONNREFUSED", "ECONNRESET", "EDNS", "ESOCKET", "ETIMEDOUT"])

const hasHeard = (error: unknown) =>
  !(Predicate.hasProperty(error, "code") && Predicate.isString(error.code) && beforeWords.has(error.code))

/** How many receivers the server took it for. It fails when that is none. */
export const send = Effect.fn("Mail.send")(function* (
  { from, to, url }: MailSettings,
  { html, id, pictures, subject, text }: Message,
  folder: string
) {
  const address = new URL(Redacted.value(url))
  const server = address.host
  const failed = (reason: string) => new MailNotSent({ server, reason, folder })
  const duration = yield* MailWithin
  const transport = createTransport({
    connectionTimeout: 10_000,
    greetingTimeout: 10_000,
    dnsTimeout: 10_000,
    socketTimeout: 30_000,
    // Passwords are not told to who only might be the server. ?requireTLS=false in SMTP_URL allows for it.
    requireTLS: address.username !== "" && !isLoopback(address.hostname),
    url: Redacted.value(url),
    disableFileAccess: true,
    disableUrlAccess: true
  })
  const { rejected } = yield* Effect.tryPromise({
    try: (signal) =>
      transport.sendMail({
        messageId: `<${id}@parley>`,
        from,
        to: [...to],
        subject,
        text,
        html,
        // Nobody's holiday should answer it.
        headers: { "Auto-Submitted": "auto-generated" },
        attachments: pictures.map(({ cid, content, file }) => ({
          filename: file,
          content: Buffer.from(content),
          contentType: "image/png",
          cid,
          contentDisposition: "inline"
        })),
        signal
      }),
    catch: (error) => failed(`${hasHeard(error) ? "said" : "cannot be reached"}: ${shortened(reasonOf(error))}`)
  }).pipe(
    Effect.timeoutOrElse({ duration, orElse: () => Effect.fail(failed("did not take it in time.")) }),
    Effect.ensuring(Effect.sync(() => transport.close()))
  )
  return { taken: to.length - rejected.length, refused: rejected.length }
})
