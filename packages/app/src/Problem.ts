/** What went wrong, in words for the person in front of the page, and what they can do about it. */
import type { FieldError } from "./types.ts"

interface Facts {
  /** Of HTTP; 0 when no answer came. */
  readonly status: number
  readonly detail?: string
  readonly fields?: ReadonlyArray<FieldError>
  /** When it is worth another try, by this browser's clock. */
  readonly retryAt?: number | undefined
  /** Under which the server's log has it. */
  readonly requestId?: string | null
}

export class Problem extends Error {
  override readonly name = "Problem"
  readonly status: number
  readonly detail: string
  readonly fields: ReadonlyArray<FieldError>
  readonly retryAt: number | undefined

  constructor(facts: Facts) {
    super(wordsFor(facts))
    this.status = facts.status
    this.detail = facts.detail ?? ""
    this.fields = facts.fields ?? []
    this.retryAt = facts.retryAt
  }

  /** What is wrong with one field, a line each, if it is one of those that this is about. */
  of(field: string): string | undefined {
    const messages = this.fields.filter((error) => error.field === field).map(({ message }) => `${message}.`)
    return messages.length === 0 ? undefined : messages.join("\n")
  }

  static async from(response: Response): Promise<Problem> {
    const body: { detail?: string; errors?: ReadonlyArray<FieldError>; resets_at?: string } = await response
      .json()
      .catch(() => ({}))
    const seconds = Number(response.headers.get("retry-after") ?? Number.NaN)
    const retryAt = body.resets_at === undefined ? Date.now() + seconds * 1000 : Date.parse(body.resets_at)
    return new Problem({
      status: response.status,
      detail: body.detail ?? "",
      fields: body.errors ?? [],
      retryAt: Number.isNaN(retryAt) ? undefined : retryAt,
      requestId: response.headers.get("x-request-id")
    })
  }

  static readonly unreachable = (): Problem => new Problem({ status: 0 })
}

const clock = new Intl.DateTimeFormat(undefined, { hour: "numeric", minute: "2-digit", second: "2-digit" })
/** Months are those of UTC, as the server counts them. */
const calendar = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "long", timeZone: "UTC" })

const later = "Try again in a moment."

const when = (retryAt: number | undefined): string =>
  retryAt === undefined ? later : `You can go on at ${clock.format(retryAt)}.`

function wordsFor({ detail = "", requestId, retryAt, status }: Facts): string {
  switch (status) {
    case 0:
      return navigator.onLine
        ? "The server cannot be reached. Check your connection, then try again."
        : "You are offline. Try again when you are connected."
    case 400:
      return detail === "Email already registered"
        ? "This e-mail address has an account already. Log in instead."
        : `${detail}.`
    case 401:
      return detail === "Invalid credentials"
        ? "The e-mail address or the password is wrong."
        : "Your login has ended. Please log in again."
    case 404:
      return "This chat is no longer there. It may have been deleted in another window."
    case 409:
      return detail.startsWith("A turn is already running")
        ? "Another answer is being written in this chat, perhaps in another window. Wait for it, or stop it."
        : detail === "The turn was cancelled"
          ? "Stopped. Neither your message nor this part of the answer was kept."
          : `${detail}.`
    case 413:
      return "That is too much at once. Send less of it."
    case 422:
      return "Something must be corrected first."
    case 429: {
      if (detail.startsWith("Monthly budget"))
        return `This month's budget is used up. It starts anew on ${calendar.format(retryAt)}.`
      if (detail.startsWith("Too many failed logins")) return `The password was wrong too often. ${when(retryAt)}`
      const limit = /(\d+) per 1 (\w+)/u.exec(detail)
      const allowed = limit === null ? "" : ` (${limit[1]} in a ${limit[2]} are allowed)`
      return `That was a lot in a short time${allowed}. ${when(retryAt)}`
    }
    case 502:
      return `${detail === "" ? "The model failed to answer" : detail}. Try again, or ask in another way.`
    case 503:
      return `${detail === "The model is unavailable" ? "The model is not available right now" : "The server is not available right now"}. ${when(retryAt)}`
    case 504:
      return "The model took too long to answer. Try again, or ask for less at once."
    default: {
      const reference = requestId === null || requestId === undefined ? "" : ` (Reference for support: ${requestId})`
      return `Something went wrong on the server. ${later}${reference}`
    }
  }
}

export const problemOf = (error: unknown): Problem => (error instanceof Problem ? error : Problem.unreachable())
