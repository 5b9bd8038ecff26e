/** `make monitoring-daily`: a day against the week before it, printed, kept, and sent. */
import { Clock, DateTime, Effect, Option, Schema } from "effect"
import { Flag } from "effect/cli"
import * as Day from "../Day.ts"
import { make as paintOf, Paint } from "../Paint.ts"
import * as Script from "../Script.ts"
import { settings } from "../settings.ts"
import * as Archive from "./Archive.ts"
import * as html from "./html.ts"
import * as Mail from "./Mail.ts"
import * as observed from "./observed.ts"
import { draw, type Picture } from "./pictures.ts"
import { headline, Report } from "./Report.ts"
import { mailSettings } from "./settings.ts"
import * as text from "./text.ts"

const resend = Flag.Boolean("resend").pipe(
  Flag.withDescription("Send the mail of a day again, although it was sent"),
  Flag.withDefault(false)
)

export interface Input extends Script.Common {
  readonly resend: boolean
}

const Mailed = Schema.Literals(["sent", "sent_before", "not_over", "no_smtp_url", "dry_run"])

const Printed = Schema.Struct({
  ...Report.fields,
  /** The folder; null when nothing was kept. */
  archive: Schema.NullOr(Schema.String),
  mail: Mailed
})

const encode = new TextEncoder()

/** Everything that there is to keep and to send. */
const written = (found: Report, day: Day.Day) => {
  const report = Script.shown(Report, found)
  const pictures = draw(report)
  const weekday = DateTime.formatUtc(day.start, { locale: "en-GB", dateStyle: "full" })
  const page = (address: (one: Picture) => string) => html.render(report, { address, pictures, weekday })
  const plain = `${text.render(report, paintOf({ isColoured: false, width: Infinity }))}\n`
  const kept = [
    ["report.json", encode.encode(`${JSON.stringify(Schema.encodeSync(Report)(found), null, 2)}\n`)],
    ["report.txt", encode.encode(plain)],
    ["report.html", encode.encode(page(({ file }) => file))],
    ...pictures.map(({ content, file }) => [file, content] as const)
  ] as const
  return { kept, pictures, plain, mail: page(({ cid }) => `cid:${cid}`) }
}

/** For the suite, too. */
export const run = Effect.fn("daily")(function* (input: Input) {
  const paint = yield* Paint
  const { directory } = yield* settings
  const mail = yield* mailSettings
  const day = yield* Option.match(input.date, { onNone: () => Day.yesterday, onSome: Effect.succeed })
  const archive = yield* Archive.make(directory, day.name)
  if (!input.dryRun) yield* archive.ready
  const report = yield* observed.read(day)

  const concluded = (archive: string | null, mailed: typeof Mailed.Type, told: ReadonlyArray<string>) => {
    const outcome: Script.Outcome = {
      state: report.missing.length > 0 || report.lines.every(({ value }) => value === null) ? "warning" : "ok",
      summary: `${day.name}: ${headline(report)}`,
      text: [text.render(Script.shown(Report, report), paint), ...told].join("\n\n"),
      json: Schema.encodeSync(Printed)({ ...report, archive, mail: mailed })
    }
    return outcome
  }
  const howToSend =
    "SMTP_URL is not set, so no mail is sent. To get it by mail set SMTP_URL=smtp://user:password@host:587, and REPORT_TO."
  const receivers = (count: number) => `${count} receiver${count === 1 ? "" : "s"}`

  if (input.dryRun) {
    const would = Option.match(mail, {
      onNone: () => howToSend,
      onSome: ({ to }) => `A mail would go to ${receivers(to.length)}, unless it was sent before.`
    })
    return concluded(null, "dry_run", [`A dry run: nothing is kept and nothing is sent. ${would}`])
  }

  const files = written(report, day)
  const send = Effect.fnUntraced(function* () {
    if (Option.isNone(mail)) return ["no_smtp_url", howToSend] as const
    if (!report.isOver) {
      return ["not_over", "No mail is sent of a day that is not over: run it again tomorrow."] as const
    }
    const before = yield* archive.sentAt
    if (Option.isSome(before) && !input.resend) {
      return ["sent_before", `The mail was sent before, at ${before.value}: --resend sends it again.`] as const
    }
    const again = Option.isSome(before) ? `-${yield* Clock.currentTimeMillis}` : ""
    const { refused, taken } = yield* Mail.send(
      mail.value,
      {
        id: `daily-${day.name}${again}`,
        subject: `Parley ${day.name}: ${headline(report)}`,
        text: files.plain,
        html: files.mail,
        pictures: files.pictures
      },
      archive.folder
    )
    yield* archive.isSent
    const not = refused === 0 ? "" : `; the mail server refused ${refused} of those in REPORT_TO`
    return ["sent", `The mail was sent to ${receivers(taken)}${not}.`] as const
  })
  const [mailed, told] = yield* archive.alone(Effect.andThen(archive.keep(files.kept), send()))
  return concluded(archive.folder, mailed, [`Kept in ${archive.folder}.`, told])
})

export const daily = Script.command("daily", {
  description:
    "Reports on a day: revenue, payments, users, what they cost, latency, errors and alerts, against the 7 days before. Keeps it, and sends it by mail once. Exit codes: 0 all is there; 1 a source was away or has nothing of the day, and its lines say no data; 3 it could not be kept or sent.",
  flags: { ...Script.flags("The day; without it, yesterday"), resend },
  isJson: ({ json }) => json,
  run
})
