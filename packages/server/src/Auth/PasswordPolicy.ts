import { broken, fitsBcrypt, PasswordPolicy, passwordRules } from "@parley/domain/Passwords"
import { Effect, Layer } from "effect"
import { settings } from "./settings.ts"

/** Fifty thousand, lower-cased: three megabytes and as many hundredths of a second, so it waits for the first new password. */
const loadCommon = Effect.map(
  Effect.promise(() => import("@zxcvbn-ts/language-common/src/passwords.json", { with: { type: "json" } })),
  ({ default: passwords }) => new Set(passwords)
)

/** Words of this place, which are guessed first (ASVS 6.1.2): a password is none of them with signs and numbers around it. */
const words = new Set(["parley"])

const isWord = (password: string): boolean => words.has(password.toLowerCase().replace(/\P{L}/gu, ""))

/** The rules of PASSWORD_POLICY, and none of the most common passwords. */
export const layer = Layer.effect(
  PasswordPolicy,
  Effect.gen(function* () {
    const rules = passwordRules[yield* settings.passwordPolicy.config]
    const common = yield* Effect.cached(loadCommon)
    return (password) =>
      Effect.map(common, (common) => [
        ...broken(rules, password),
        // What is longer is refused anyway, and to compose it can take minutes.
        ...(fitsBcrypt(password) && (isWord(password) || common.has(password.normalize("NFC").toLowerCase()))
          ? ["Password is too common"]
          : [])
      ])
  })
)
