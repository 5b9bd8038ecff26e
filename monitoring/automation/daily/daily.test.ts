import { NodeServices } from "@effect/platform-node"
import { assert, layer } from "@effect/vitest"
import { Effect, FileSystem, Layer, Option, Schema } from "effect"
import * as Mailbox from "../../test/Mailbox.ts"
import { nowhere, Planted, told } from "../../test/Planted.ts"
import * as Day from "../Day.ts"
import { run } from "./command.ts"
import { MailWithin } from "./Mail.ts"
import type { Name } from "./measures.ts"
import { Report } from "./Report.ts"

const World = Layer.merge(Planted.layer, NodeServices.layer)

const decode = Schema.decodeUnknownEffect(
  Schema.Struct({ ...Report.fields, archive: Schema.NullOr(Schema.String), mail: Schema.String })
)

const folder = Effect.flatMap(FileSystem.FileSystem, (fs) => fs.makeTempDirectoryScoped({ prefix: "parley-daily-" }))

/** A day of the past, so that it is over whenever the test runs. */
const someDay = Effect.map(Day.today, (day) => Day.plus(day, -2))

const daily = Effect.fnUntraced(function* (
  directory: string,
  variables: Readonly<Record<string, string>> = {},
  flags: { readonly dryRun?: boolean; readonly resend?: boolean; readonly date?: Day.Day } = {}
) {
  const { url } = yield* Planted
  const { date = yield* someDay, dryRun = false, resend = false } = flags
  const outcome = yield* Effect.provide(
    run({ json: false, dryRun, resend, date: Option.some(date) }),
    told({ POSTGRES_URL: url, MONITORING_DIR: directory, REPORT_TO: "founder@example.com", ...variables })
  )
  return { ...outcome, report: yield* decode(outcome.json) }
})

const valueOf = (report: Report, name: Name) => {
  const found = report.lines.find((one) => one.name === name)
  return [found?.value ?? null, found?.mean ?? null].map((value) =>
    value === null ? null : Math.round(value * 1e6) / 1e6
  )
}

layer(World, { excludeTestServices: true })("the day of an empty database", (it) => {
  it.effect("is no data in text, HTML and JSON, and never 0", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const { received, url } = yield* Mailbox.open()
      const { report, state, text } = yield* daily(yield* folder, { SMTP_URL: url })
      for (const { change, mean, name, value } of report.lines) {
        assert.deepStrictEqual([value, mean, change], [null, null, null], name)
      }
      assert.isNull(report.alerts)
      assert.isEmpty(report.changes)
      // Prometheus is away: the rest is told, and why this is not.
      assert.strictEqual(state, "warning")
      assert.deepStrictEqual(
        report.missing.map(({ reason }) => reason.includes(nowhere)),
        [true]
      )
      const [mail] = received
      const kept = yield* fs.readFileString(`${report.archive}/report.html`)
      for (const shown of [text, mail?.text ?? "", mail?.html ?? "", kept]) {
        assert.include(shown, "no data")
        assert.notMatch(shown.replaceAll(/style="[^"]*"|\d{4}-\d\d-\d\d/gu, ""), /[>\s€]0(?:\.0+)?(?: [%s]\b)?[<\s]/u)
      }
      assert.isEmpty(mail?.attachments)
    })
  )
})

/** Twelve people of five turns on each day of the week before, and twice as many on the day itself; and payments. */
const planted = Layer.effectDiscard(
  Effect.gen(function* () {
    const { payments, turns, user } = yield* Planted
    const day = yield* someDay
    const people = yield* Effect.all(Array.from({ length: 24 }, () => user))
    const at = (days: number) => `${Day.plus(day, -days).name}T23:59:59.999Z`
    const of = (days: number, count: number) =>
      people.slice(0, count).flatMap((user) => Array.from({ length: 5 }, () => ({ user, at: at(days), eur: 0.02 })))
    yield* turns([...[1, 2, 3, 4, 5, 6, 7].flatMap((days) => of(days, 12)), ...of(0, 24)])
    // Asked in vain: no turn that was answered.
    yield* turns([{ user: people[0] ?? "", at: at(0), eur: 0.1, failed: true }])
    yield* payments(
      [0, 1, 2, 3, 4, 5, 6, 7].flatMap((days) => [
        ...Array.from({ length: 12 }, () => ({ at: at(days), cents: 1900, status: "succeeded" })),
        { at: at(days), cents: 900, status: "refunded" },
        ...Array.from({ length: days === 0 ? 13 : 1 }, () => ({ at: at(days), cents: 1900, status: "failed" }))
      ])
    )
  })
)

layer(Layer.provideMerge(planted, World), { excludeTestServices: true })("a day", (it) => {
  it.effect("is told against the 7 before it, by mail as text, HTML and pictures, and kept", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const { received, url } = yield* Mailbox.open()
      const { report, state } = yield* daily(yield* folder, { SMTP_URL: url })
      assert.deepStrictEqual(valueOf(report, "turns"), [120, 60])
      assert.deepStrictEqual(valueOf(report, "users_active"), [24, 12])
      assert.deepStrictEqual(valueOf(report, "cost"), [2.5, 1.2])
      assert.deepStrictEqual(valueOf(report, "payments_succeeded"), [13, 13])
      assert.deepStrictEqual(valueOf(report, "payments_failed"), [13, 1])
      assert.deepStrictEqual(valueOf(report, "payment_rate"), [0.5, 0.928_571])
      assert.deepStrictEqual(valueOf(report, "payment_amount"), [237, 237])
      assert.deepStrictEqual(valueOf(report, "latency_p95"), [null, null])
      assert.deepStrictEqual(report.changes, ["payments_failed", "cost", "users_active"])
      assert.strictEqual(state, "warning")

      const [mail] = received
      assert.strictEqual(mail?.subject, `Parley ${report.date}: 120 turns, 24 users, €2.50 spent`)
      assert.deepStrictEqual([mail?.from?.address, mail?.to?.[0]?.address], ["parley@localhost", "founder@example.com"])
      assert.include(mail?.text, "Payments failed: 13, +1,200 % (1 on average)")
      assert.include(mail?.html, "Payments failed: 13, +1,200 % (1 on average)")
      const pictures = mail?.attachments ?? []
      assert.isAtLeast(pictures.length, 4)
      for (const { content, contentId, disposition, mimeType } of pictures) {
        assert.deepStrictEqual([mimeType, disposition], ["image/png", "inline"])
        assert.include(mail?.html, `src="cid:${contentId?.slice(1, -1)}" alt="`)
        assert.strictEqual(
          Buffer.from(new Uint8Array(content instanceof ArrayBuffer ? content : [])).toString("latin1", 1, 4),
          "PNG"
        )
      }

      const files = yield* fs.readDirectory(report.archive ?? "")
      assert.includeMembers(files, ["report.html", "report.json", "report.txt", "turns.png"])
      assert.include(yield* fs.readFileString(`${report.archive}/report.html`), `src="turns.png"`)
      assert.notInclude(JSON.stringify(mail?.html) + JSON.stringify(report), "@example.com")
    })
  )

  it.effect("is sent once, however often it is run, and again only with --resend", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const directory = yield* folder
      const { received, url } = yield* Mailbox.open()
      const variables = { SMTP_URL: url }
      assert.strictEqual((yield* daily(directory, variables)).report.mail, "sent")
      const { report, text } = yield* daily(directory, variables)
      assert.deepStrictEqual([report.mail, text.includes("--resend")], ["sent_before", true])
      assert.lengthOf(received, 1)
      assert.strictEqual((yield* daily(directory, variables, { resend: true })).report.mail, "sent")
      // Else a mail program would not show it.
      assert.notStrictEqual(received[1]?.messageId, received[0]?.messageId)
      // Nothing is left beside it but that it was sent.
      assert.deepStrictEqual((yield* fs.readDirectory(`${directory}/reports`)).toSorted(), [
        `.${report.date}.sent`,
        report.date
      ])
    })
  )

  it.effect("is sent by one of two that run at the same time", () =>
    Effect.gen(function* () {
      const directory = yield* folder
      const { received, url } = yield* Mailbox.open()
      const once = Effect.result(daily(directory, { SMTP_URL: url }))
      const both = yield* Effect.all([once, once], { concurrency: 2 })
      assert.lengthOf(received, 1)
      assert.isTrue(both.some(({ _tag }) => _tag === "Success"))
    })
  )

  it.effect("is only shown by a dry run", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const directory = yield* folder
      const { received, url } = yield* Mailbox.open()
      const { report, text } = yield* daily(directory, { SMTP_URL: url }, { dryRun: true })
      assert.deepStrictEqual([report.mail, report.archive], ["dry_run", null])
      assert.include(text, "nothing is kept and nothing is sent")
      assert.isEmpty(received)
      assert.isEmpty(yield* fs.readDirectory(directory))
    })
  )

  it.effect("is kept, and printed with how to get it by mail, where there is no mail server", () =>
    Effect.gen(function* () {
      const { report, text } = yield* daily(yield* folder)
      assert.strictEqual(report.mail, "no_smtp_url")
      assert.include(text, "set SMTP_URL=smtp://user:password@host:587, and REPORT_TO")
    })
  )

  it.effect("is kept when the mail server refuses, is away or says nothing, and the mail goes out the next time", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const directory = yield* folder
      const refusing = yield* Mailbox.open("Nobody of that name")
      const hanging = yield* Mailbox.silent
      const servers = [
        [refusing.url, /Nobody of that name/u],
        [hanging, /did not take it in time/u],
        ["smtp://reporter:secret-word@127.0.0.1:1", /ECONNREFUSED/u]
      ] as const
      for (const [SMTP_URL, reason] of servers) {
        const error = yield* Effect.flip(
          Effect.provideService(daily(directory, { SMTP_URL }), MailWithin, "300 millis")
        )
        assert.strictEqual(error._tag, "MailNotSent")
        assert.match(error.message, reason)
        assert.include(error.message, `${directory}/reports/`)
        assert.notInclude(error.message, "secret-word")
        assert.isTrue(yield* fs.exists(`${directory}/reports/${(yield* someDay).name}/report.html`))
      }
      const { received, url } = yield* Mailbox.open()
      assert.strictEqual((yield* daily(directory, { SMTP_URL: url })).report.mail, "sent")
      assert.lengthOf(received, 1)
    })
  )

  it.effect("that is not over is not compared and not sent", () =>
    Effect.gen(function* () {
      const { received, url } = yield* Mailbox.open()
      const { report, text } = yield* daily(yield* folder, { SMTP_URL: url }, { date: yield* Day.today })
      assert.deepStrictEqual([report.isOver, report.mail, report.changes.length], [false, "not_over", 0])
      assert.include(text, "nothing is compared")
      assert.isEmpty(received)
    })
  )

  it.effect("before anything happened is no data, and the one after the last a true 0", () =>
    Effect.gen(function* () {
      const directory = yield* folder
      const long = yield* daily(directory, {}, { date: Day.plus(yield* someDay, -8) })
      assert.deepStrictEqual(valueOf(long.report, "turns"), [null, null])
      const after = yield* daily(directory, {}, { date: Day.plus(yield* someDay, 1) })
      assert.deepStrictEqual(valueOf(after.report, "turns"), [0, 68.571_429])
      assert.include(after.text, "−100 %")
    })
  )

  it.effect("is not begun with wrong settings, and it is said what they must be", () =>
    Effect.gen(function* () {
      const wrong = [
        [{ SMTP_URL: "mail.example.com:25" }, "SMTP_URL"],
        [{ SMTP_URL: "smtp://127.0.0.1:1", REPORT_TO: "" }, "REPORT_TO"],
        [{ SMTP_URL: "smtp://127.0.0.1:1", REPORT_TO: "founder" }, "REPORT_TO"]
      ] as const
      for (const [variables, name] of wrong) {
        assert.include((yield* Effect.flip(daily("/nowhere", variables))).message, `${name} must be`)
      }
    })
  )
})
