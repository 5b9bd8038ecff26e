import { assert, layer } from "@effect/vitest"
import { Effect, FileSystem, Redacted } from "effect"
import { BusyWorld, daily, folder, someDay } from "../../test/Daily.ts"
import * as Mailbox from "../../test/Mailbox.ts"
import * as Silent from "../../test/Silent.ts"
import { nowhere, Planted } from "../../test/Planted.ts"
import { automation } from "../../test/Program.ts"
import { exitCodes } from "../Script.ts"
import * as Mail from "./Mail.ts"

layer(BusyWorld, { excludeTestServices: true })("the report of a day", (it) => {
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
        ".lock",
        report.date
      ])
    })
  )

  it.effect("is sent by one of two that run at the same time", () =>
    Effect.gen(function* () {
      const directory = yield* folder
      const { received, url } = yield* Mailbox.open()
      const once = daily(directory, { SMTP_URL: url })
      const both = yield* Effect.all([once, once], { concurrency: 2 })
      assert.lengthOf(received, 1)
      assert.deepStrictEqual(both.map(({ report }) => report.mail).toSorted(), ["sent", "sent_before"])
    })
  )

  it.effect("says of how many receivers the mail server wants nothing to know", () =>
    Effect.gen(function* () {
      const { received, url } = yield* Mailbox.open("Nobody of that name", "one@example.com")
      const variables = { SMTP_URL: url, REPORT_TO: "one@example.com, other@example.com" }
      const { text } = yield* daily(yield* folder, variables)
      assert.lengthOf(received, 1)
      assert.include(text, "sent to 1 receiver; the mail server refused 1 of those in REPORT_TO")
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
      const { port } = yield* Silent.listen
      const servers = [
        [refusing.url, /said: .*Nobody of that name/u],
        [`smtp://127.0.0.1:${port}`, /did not take it in time/u],
        ["smtp://reporter:secret-word@127.0.0.1:1", /127\.0\.0\.1:1 cannot be reached: .*ECONNREFUSED/u]
      ] as const
      for (const [SMTP_URL, reason] of servers) {
        const error = yield* Effect.flip(
          Effect.provideService(daily(directory, { SMTP_URL }), Mail.MailWithin, "300 millis")
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

  it.effect("ends the program with 3 when it could not be sent", () =>
    Effect.gen(function* () {
      const { url: POSTGRES_URL } = yield* Planted
      const { url: SMTP_URL } = yield* Mailbox.open("Nobody of that name")
      const env = { PROMETHEUS_URL: nowhere, POSTGRES_URL, SMTP_URL, REPORT_TO: "founder@example.com" }
      const daily = automation({ ...env, MONITORING_DIR: yield* folder })
      const { code, complaints, output } = yield* daily("daily", "--json", "--date", (yield* someDay).name)
      assert.deepStrictEqual([code, output], [exitCodes.unusable, ""])
      assert.match(complaints, /^The mail was not sent: .*Nobody of that name/u)
    })
  )

  it.effect("tells no password to a mail server of another machine that speaks no TLS, unless it may", () =>
    Effect.gen(function* () {
      const directory = yield* folder
      const { passwords, received, url } = yield* Mailbox.open()
      // This machine by a name that does not look like it.
      const SMTP_URL = url.replace("127.0.0.1", "u:secret-word@[::ffff:127.0.0.1]")
      const { message } = yield* Effect.flip(daily(directory, { SMTP_URL }))
      assert.include(message, "STARTTLS")
      assert.isEmpty([...passwords, ...received])
      yield* daily(directory, { SMTP_URL: `${SMTP_URL}?requireTLS=false` })
      assert.deepStrictEqual([passwords, received.length], [["secret-word"], 1])
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

  it.effect("has no line longer than a mail may have, and every word as it was", () =>
    Effect.gen(function* () {
      const { lines, received, url } = yield* Mailbox.open()
      const word = "prompt-".repeat(300)
      const to = Array.from({ length: 99 }, (_, index) => `reader-${index}@example.com`)
      const text = `Alerts\n  ${word} fired\n.\n`
      const mail = { id: "a", subject: "Parley: some fired", text, html: `<p>${word}</p>`, pictures: [] }
      yield* Mail.send({ url: Redacted.make(url), from: "a@example.com", to }, mail, "/nowhere")
      assert.isAtMost(Math.max(...lines.map((line) => Buffer.byteLength(line))), 998)
      assert.strictEqual(received[0]?.text?.trimEnd(), text.trimEnd())
      assert.include(received[0]?.html, `<p>${word}</p>`)
    })
  )

  it.effect("is asked for before any work when nobody is named who would get it", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const directory = yield* folder
      const { code, complaints, output } = yield* automation({
        PROMETHEUS_URL: nowhere,
        SMTP_URL: "smtp://127.0.0.1:1",
        MONITORING_DIR: directory
      })("daily")
      assert.deepStrictEqual([code, output], [exitCodes.unusable, ""])
      assert.match(complaints, /^REPORT_TO must be who gets the report/u)
      assert.isEmpty(yield* fs.readDirectory(directory))
    })
  )
})
