/** Chromium, as a person sits in front of it, at the page of a `TestServer`. */
import { Context, Effect, Layer } from "effect"
import { execFileSync } from "node:child_process"
import { randomUUID } from "node:crypto"
import { type BrowserContextOptions, type BrowserContext, chromium, type Page } from "playwright-core"
import { TestServer } from "./TestServer.ts"

/** Whatever the browser was told that no test expects, by context: errors of scripts, and what the policy forbade. */
const complaints = new WeakMap<BrowserContext, Array<string>>()

export class Browser extends Context.Service<
  Browser,
  { readonly context: (options?: BrowserContextOptions) => Promise<BrowserContext> }
>()("@parley/server/test/Browser") {
  static readonly layer = Layer.effect(
    Browser,
    Effect.gen(function* () {
      const { url } = yield* TestServer
      // Browsers trust localhost as they trust TLS: with locks and clipboards.
      const baseURL = `http://localhost:${new URL(url).port}`
      const browser = yield* Effect.acquireRelease(
        Effect.promise(() =>
          chromium.launch({
            executablePath: execFileSync("sh", ["-c", "command -v chromium"], { encoding: "utf8" }).trim(),
            args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"]
          })
        ),
        (browser) => Effect.promise(() => browser.close())
      )
      return {
        context: async (options) => {
          const context = await browser.newContext({ baseURL, ...options })
          const told: Array<string> = []
          complaints.set(context, told)
          context.setDefaultTimeout(10_000)
          context.on("weberror", (error) => told.push(String(error.error())))
          context.on("console", (message) => {
            // Answers that are no success are told as errors too, and are what tests are about.
            if (message.type() === "error" && !message.text().startsWith("Failed to load resource"))
              told.push(message.text())
          })
          context.on("request", (request) => {
            if (new URL(request.url()).origin !== baseURL) told.push(`request to ${request.url()}`)
          })
          return context
        }
      }
    })
  )
}

export const complaintsOf = (page: Page): ReadonlyArray<string> => complaints.get(page.context()) ?? []

/** A new page, closed with the test; what it complains of fails the test. */
export const open = Effect.fnUntraced(function* (path = "/app", options?: BrowserContextOptions) {
  const browser = yield* Browser
  const context = yield* Effect.acquireRelease(
    Effect.promise(() => browser.context(options)),
    (context) => Effect.promise(() => context.close())
  )
  const page = yield* Effect.promise(() => context.newPage())
  yield* Effect.promise(() => page.goto(path))
  return page
})

export const message = (page: Page) => page.getByLabel("Message", { exact: true })

export const say = async (page: Page, text: string): Promise<void> => {
  await message(page).fill(text)
  await message(page).press("Enter")
}

export const enter = async (page: Page, email: string, password = "Correct-horse-7"): Promise<void> => {
  await page.getByLabel("E-mail address").fill(email)
  await page.getByLabel("Password").fill(password)
  await page.getByLabel("Password").press("Enter")
}

/** A page with a new account that is logged in. */
export const newcomer = Effect.fnUntraced(function* (options?: BrowserContextOptions) {
  const page = yield* open("/app", options)
  const email = `${randomUUID().slice(0, 8)}@example.com`
  yield* Effect.promise(async () => {
    await page.getByRole("button", { name: "Make an account" }).click()
    await enter(page, email)
    await message(page).waitFor()
  })
  return page
})

/** What the page keeps of the login; changed as `change` says, if it is given. */
export const keptLogin = (page: Page, change: Readonly<Record<string, string | number>> = {}) =>
  page.evaluate((change): Record<string, string> => {
    const login = { ...JSON.parse(localStorage.getItem("parley.login") ?? "{}"), ...change }
    localStorage.setItem("parley.login", JSON.stringify(login))
    return login
  }, change)
