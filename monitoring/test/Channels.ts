/** Everything that alerts arrive at, on loopback: a mail server, Slack, PagerDuty, a webhook and a heartbeat. */
import { Context, Effect, Layer, Schedule, Schema } from "effect"
import { createServer } from "node:http"
import { text as textOf } from "node:stream/consumers"
import { SMTPServer } from "smtp-server"
import { listening, portOf } from "./listening.ts"

export const channels = ["email", "slack", "pagerduty", "webhook"] as const
export type Channel = (typeof channels)[number] | "heartbeat"

export interface Arrived {
  readonly channel: Channel
  readonly text: string
  readonly authorization: string | undefined
}

/** What the receivers of the world require of what is sent to them. */
const Slack = Schema.Struct({
  channel: Schema.String,
  attachments: Schema.Array(Schema.Struct({ title: Schema.String, text: Schema.String, color: Schema.String }))
})
const PagerDuty = Schema.Struct({
  routing_key: Schema.String,
  event_action: Schema.Literals(["trigger", "resolve"]),
  dedup_key: Schema.String,
  payload: Schema.Struct({
    summary: Schema.String,
    source: Schema.String,
    severity: Schema.Literals(["critical", "error", "warning", "info"])
  })
})
const Webhook = Schema.Struct({
  status: Schema.Literals(["firing", "resolved"]),
  alerts: Schema.Array(Schema.Struct({ labels: Schema.Record(Schema.String, Schema.String) }))
})

/** Refused is what none of them could read. */
const isReadable = (path: string, body: string): boolean => {
  const is = (schema: Schema.Decoder<unknown>) =>
    Schema.decodeUnknownResult(Schema.fromJsonString(schema))(body)._tag === "Success"
  if (path === "/slack") return is(Slack)
  if (path === "/pagerduty") return is(PagerDuty)
  return is(Webhook)
}

const channelOf = (path: string): Channel | undefined =>
  ([...channels, "heartbeat"] as const).find((channel) => path === `/${channel}`)

export class Channels extends Context.Service<
  Channels,
  {
    readonly url: string
    readonly smtpPort: number
    /** What has come so far, oldest first. */
    readonly arrived: ReadonlyArray<Arrived>
    /** Waits for one that came by this channel and has all these words in it. Gives it. */
    readonly heard: (channel: Channel, ...words: ReadonlyArray<string>) => Effect.Effect<Arrived>
    readonly forget: Effect.Effect<void>
  }
>()("@parley/monitoring/test/Channels") {
  static readonly layer = Layer.effect(
    Channels,
    Effect.gen(function* () {
      const arrived: Array<Arrived> = []

      const http = createServer((request, response) => {
        void textOf(request).then((text) => {
          const path = request.url ?? ""
          const channel = channelOf(path)
          if (channel === undefined || !isReadable(path, text)) return response.writeHead(400).end("unreadable")
          arrived.push({ channel, text, authorization: request.headers.authorization })
          return channel === "pagerduty"
            ? response.writeHead(202, { "content-type": "application/json" }).end('{"status":"success"}')
            : response.writeHead(200).end("ok")
        })
      })
      const port = yield* listening(http)

      const smtp = new SMTPServer({
        disabledCommands: ["STARTTLS"],
        allowInsecureAuth: true,
        onAuth: ({ password, username }, _session, callback) =>
          username === "parley" && password === "the-password"
            ? callback(null, { user: username })
            : callback(new Error("Wrong password")),
        onData: (stream, _session, callback) => {
          void textOf(stream).then((text) => {
            // Lines are folded.
            arrived.push({ channel: "email", text: text.replaceAll("=\r\n", ""), authorization: undefined })
            callback()
          })
        }
      })
      yield* Effect.acquireRelease(
        Effect.callback<void>((resume) => void smtp.listen(0, "127.0.0.1", () => resume(Effect.void))),
        () => Effect.callback<void>((resume) => void smtp.close(() => resume(Effect.void)))
      )

      return Channels.of({
        url: `http://127.0.0.1:${port}`,
        smtpPort: portOf(smtp.server.address()),
        arrived,
        heard: (channel, ...words) =>
          Effect.sync(() =>
            arrived.find((one) => one.channel === channel && words.every((word) => one.text.includes(word)))
          ).pipe(
            Effect.repeat({ until: (found) => found !== undefined, schedule: Schedule.spaced("100 millis") }),
            Effect.timeoutOrElse({
              duration: "60 seconds",
              orElse: () =>
                Effect.die(
                  new Error(`No ${words.join(", ")} by ${channel}; there came:\n${JSON.stringify(arrived, null, 1)}`)
                )
            }),
            Effect.flatMap((found) => (found === undefined ? Effect.die("nothing") : Effect.succeed(found)))
          ),
        forget: Effect.sync(() => void arrived.splice(0))
      })
    })
  )
}
