import { assert, layer } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import { BusyWorld, daily, folder, someDay, valueOf, World } from "../../test/Daily.ts"
import * as Mailbox from "../../test/Mailbox.ts"
import { nowhere, Planted } from "../../test/Planted.ts"
import * as Day from "../Day.ts"

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

layer(BusyWorld, { excludeTestServices: true })("a day", (it) => {
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

  it.effect("finds its payments with an index, however many there are", () =>
    Effect.gen(function* () {
      const { sql } = yield* Planted
      yield* sql`INSERT INTO payments (id, status, amount, currency, created_at)
        SELECT 'ch_' || n, 'succeeded', 100, 'eur', '2020-01-01T00:00:00Z'::timestamptz + n * interval '1 minute'
        FROM generate_series(1, 100000) n`
      yield* sql`VACUUM ANALYZE payments`
      const plan = yield* sql`EXPLAIN SELECT sum(amount) FROM payments
        WHERE created_at >= '2020-02-01T00:00:00Z'::timestamptz AND created_at < '2020-02-09T00:00:00Z'::timestamptz`
      yield* sql`DELETE FROM payments WHERE id LIKE 'ch\\_%'`
      assert.include(JSON.stringify(plan), "payments_by_time")
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
})
