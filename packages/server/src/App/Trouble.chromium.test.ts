import { AxeBuilder } from "@axe-core/playwright"
import { assert, layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import type { Page } from "playwright-core"
import { Browser, complaintsOf, enter, keptLogin, message, newcomer, open, say } from "../../test/Browser.ts"
import { StubModel } from "../../test/StubModel.ts"
import * as Reply from "../../test/StubModelReply.ts"
import { startTurn } from "../../test/TestChat.ts"
import { TestServer } from "../../test/TestServer.ts"

const until = (wait: () => Promise<unknown>) => Effect.promise(wait)

const answersOf = (page: Page) => page.locator(".message.answer .markdown")
const alert = (page: Page) => page.getByRole("alert")

/** How often a login was renewed, by all windows of the page. */
const countRefreshes = (page: Page) => {
  const statuses: Array<number> = []
  page.context().on("response", (response) => {
    if (response.url().endsWith("/auth/refresh")) statuses.push(response.status())
  })
  return statuses
}

/** Whoever is logged in at the page, as a client of the API. */
const personAt = Effect.fnUntraced(function* (page: Page) {
  const { access_token: token = "" } = yield* Effect.promise(() => keptLogin(page))
  return { token, session_id: new URL(page.url()).hash.slice(1) }
})

const settings = { RATE_LIMIT_CHAT_STREAM: "3 per minute", RATE_LIMIT_CHAT: "1000 per hour" }

layer(Browser.layer.pipe(Layer.provideMerge(TestServer.layerWith({ settings }))), {
  excludeTestServices: true,
  timeout: "60 seconds"
})("at /app", (it) => {
  it.effect("a login that expires is renewed in silence, once for all windows", () =>
    Effect.gen(function* () {
      const page = yield* newcomer()
      const statuses = countRefreshes(page)
      const other = yield* Effect.promise(() => page.context().newPage())
      const before = yield* Effect.promise(() => keptLogin(page, { expires_at: 0 }))
      // Both ask for several things at once.
      yield* Effect.promise(() => Promise.all([page.reload(), other.goto("/app")]))
      for (const one of [page, other]) yield* until(() => one.getByText("of €2.50").first().waitFor())
      assert.deepStrictEqual(statuses, [200])
      const after = yield* Effect.promise(() => keptLogin(page))
      assert.notStrictEqual(after["refresh_token"], before["refresh_token"])
      // The next time the server says so, in the middle of it all.
      yield* Effect.promise(() => keptLogin(page, { access_token: "spoilt" }))
      yield* until(() => say(page, "Hello"))
      yield* until(() => answersOf(page).getByText("The stub has spoken.").waitFor())
      assert.deepStrictEqual(statuses, [200, 200])
      assert.deepStrictEqual(complaintsOf(page), [])
    })
  )

  it.effect("a login that has ended is said to have, and whoever logs in again finds their words", () =>
    Effect.gen(function* () {
      const page = yield* newcomer()
      const { email = "" } = yield* Effect.promise(() =>
        keptLogin(page, { access_token: "spoilt", refresh_token: "spoilt" })
      )
      yield* until(() => say(page, "My long thoughts"))
      yield* until(() => alert(page).getByText("Your login has ended").waitFor())
      yield* until(() => enter(page, email, "Wrong-horse-7"))
      yield* until(() => alert(page).getByText("The e-mail address or the password is wrong.").waitFor())
      yield* until(() => enter(page, email))
      yield* until(() => page.locator(".bubble").getByText("My long thoughts").waitFor())
      yield* until(() => page.getByRole("button", { name: "Send again" }).click())
      yield* until(() => answersOf(page).getByText("The stub has spoken.").waitFor())
    })
  )

  it.effect("what is wrong with a registration stands at its field", () =>
    Effect.gen(function* () {
      const page = yield* open()
      yield* until(() => page.getByRole("button", { name: "Make an account" }).click())
      yield* until(() => enter(page, "nobody", "short"))
      const email = page.getByLabel("E-mail address")
      yield* until(() => page.getByText("Must be an e-mail address.").waitFor())
      for (const [field, says] of [
        [email, "Must be an e-mail address"],
        [page.getByLabel("Password"), "Password must contain at least one number."]
      ] as const) {
        assert.strictEqual(yield* Effect.promise(() => field.getAttribute("aria-invalid")), "true")
        const id = yield* Effect.promise(() => field.getAttribute("aria-describedby"))
        assert.include(yield* Effect.promise(() => page.locator(`#${id}`).innerText()), says)
      }
      assert.strictEqual(yield* Effect.promise(() => page.locator("#email:focus").count()), 1)
    })
  )

  it.effect("a message that is too long is refused where it is written, and kept", () =>
    Effect.gen(function* () {
      const page = yield* newcomer()
      yield* until(() => say(page, "a".repeat(30_001)))
      yield* until(() => alert(page).getByText("30000").waitFor())
      assert.strictEqual(yield* Effect.promise(() => message(page).getAttribute("aria-invalid")), "true")
      assert.lengthOf(yield* Effect.promise(() => message(page).inputValue()), 30_001)
    })
  )

  it.effect("who sends too much is told when they can go on, and cannot try before", () =>
    Effect.gen(function* () {
      const page = yield* newcomer()
      for (const text of ["One", "Two", "Three", "Four"]) {
        yield* until(() => say(page, text))
        yield* until(() => page.locator(".bubble").getByText(text, { exact: true }).waitFor())
        yield* until(() => page.getByRole("button", { name: "Send", exact: true }).waitFor())
      }
      yield* until(() =>
        alert(page)
          .getByText(/3 in a minute are allowed\)\. You can go on at \d/u)
          .waitFor()
      )
      const again = page.getByRole("button", { name: /Send again in \d+ s/u })
      assert.isTrue(yield* Effect.promise(() => again.isDisabled()))
      yield* until(() => page.getByRole("button", { name: "Edit" }).click())
      assert.strictEqual(yield* Effect.promise(() => message(page).inputValue()), "Four")
    })
  )

  it.effect("who has spent the month's budget sees it, and is told when there is a new one", () =>
    Effect.gen(function* () {
      const stub = yield* StubModel
      const page = yield* newcomer()
      yield* stub.reset
      yield* stub.enqueue(Reply.text("That was dear.", { usage: { promptTokens: 20_000_000, completionTokens: 0 } }))
      yield* until(() => page.getByText("€0.00 of €2.50").waitFor())
      yield* until(() => say(page, "Hello"))
      yield* until(() => answersOf(page).getByText("That was dear.").waitFor())
      const spent = page.getByRole("meter").and(page.getByLabel(/This month€[2-9]\.\d\d of €2\.50/u))
      yield* until(() => spent.waitFor())
      yield* until(() => say(page, "Again"))
      yield* until(() =>
        alert(page)
          .getByText(/budget is used up\. It starts anew on 1 \w+\./u)
          .waitFor()
      )
      yield* until(() => page.reload())
      yield* until(() => spent.waitFor())
      yield* until(() => page.getByText(/The budget is used up\. It starts anew on 1 \w+/u).waitFor())
    })
  )

  it.effect("who is answered in another place can wait for that answer, or stop it", () =>
    Effect.gen(function* () {
      const stub = yield* StubModel
      const page = yield* newcomer()
      yield* until(() => say(page, "Hello"))
      yield* until(() => answersOf(page).getByText("The stub has spoken.").waitFor())
      yield* stub.reset
      const { reply } = yield* startTurn(yield* personAt(page))
      yield* until(() => say(page, "Me too"))
      yield* until(() => alert(page).getByText("Another answer is being written").waitFor())
      yield* until(() => page.getByRole("button", { name: "Stop the other answer" }).click())
      assert.strictEqual((yield* reply).status, 409)
    })
  )

  it.effect("a model that is not there, and a network that is not, are told in words, and tried again", () =>
    Effect.gen(function* () {
      const stub = yield* StubModel
      const page = yield* newcomer()
      yield* stub.reset
      yield* stub.enqueue(Reply.insufficientQuota)
      yield* until(() => say(page, "Hello"))
      yield* until(() =>
        alert(page)
          .getByText(/The model is not available right now\. You can go on at/u)
          .waitFor()
      )
      yield* until(() => page.getByRole("button", { name: "Edit" }).click())

      yield* Effect.promise(() => page.context().setOffline(true))
      yield* until(() => message(page).press("Enter"))
      yield* until(() => alert(page).getByText("You are offline.").waitFor())
      yield* Effect.promise(() => page.context().setOffline(false))
      yield* until(() => page.getByRole("button", { name: "Send again" }).click())
      yield* until(() => answersOf(page).getByText("The stub has spoken.").waitFor())
    })
  )

  for (const colorScheme of ["light", "dark"] as const)
    it.effect(`nothing is in the way of those who see or hear it differently, in ${colorScheme}`, () =>
      Effect.gen(function* () {
        const stub = yield* StubModel
        const violations = (page: Page) =>
          Effect.promise(async () => {
            const axe = new AxeBuilder({ page })
            // In the dark nothing is different but the colours.
            const found = await (colorScheme === "light" ? axe : axe.withRules("color-contrast")).analyze()
            return found.violations.map(({ id, nodes }) => [id, ...nodes.map(({ html }) => html)])
          })
        const visitor = yield* open("/app", { colorScheme })
        yield* until(() => enter(visitor, "nobody@example.com"))
        yield* until(() => alert(visitor).waitFor())
        assert.deepStrictEqual(yield* violations(visitor), [])

        const page = yield* newcomer({ colorScheme })
        yield* stub.reset
        yield* stub.enqueue(
          Reply.toolCalls([{ name: "current_time", arguments: {} }]),
          Reply.text([
            `# Title\n\nText with \`code\` and a [link](https://example.com).\n\n- [x] done\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n    code\n\n> quoted`
          ]),
          Reply.refusal({ status: 400 })
        )
        yield* until(() => say(page, "Show me all"))
        yield* until(() => answersOf(page).getByText("quoted").waitFor())
        yield* until(() => say(page, "And a failure"))
        yield* until(() => alert(page).waitFor())
        assert.deepStrictEqual(yield* violations(page), [])
        yield* until(() => page.getByRole("button", { name: /^Rename/u }).click())
        yield* until(() => page.getByRole("dialog").waitFor())
        assert.deepStrictEqual(yield* violations(page), [])
        assert.deepStrictEqual([complaintsOf(visitor), complaintsOf(page)], [[], []])
      })
    )

  it.effect("a phone has room for all of it, and shows the chats on demand", () =>
    Effect.gen(function* () {
      const stub = yield* StubModel
      yield* stub.reset
      yield* stub.enqueue(Reply.text([`${"wide".repeat(100)}\n\n\`\`\`\n${"code ".repeat(100)}\n\`\`\``]))
      const page = yield* newcomer({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true })
      yield* until(() => say(page, "x".repeat(300)))
      yield* until(() => answersOf(page).getByText("widewide").waitFor())
      assert.strictEqual(yield* Effect.promise(() => page.evaluate("document.documentElement.scrollWidth")), 390)
      const chats = page.getByRole("navigation", { name: "Chats" })
      assert.isFalse(yield* Effect.promise(() => chats.isVisible()))
      yield* until(() => page.getByRole("button", { name: "Chats" }).click())
      yield* until(() => chats.getByRole("link").waitFor())
      yield* until(() => page.keyboard.press("Escape"))
      yield* until(() => chats.waitFor({ state: "hidden" }))
      assert.strictEqual(yield* Effect.promise(() => page.locator("#menu:focus").count()), 1)
    })
  )
})
