import { useEffect, useRef, useState } from "preact/hooks"
import { Field } from "./Field.tsx"
import { enter, loggedOutBecause } from "./Login.ts"
import { type Problem, problemOf } from "./Problem.ts"
import { ProblemNote } from "./ProblemNote.tsx"

const words = {
  login: { title: "Log in", other: "register", ask: "New here?", change: "Make an account" },
  register: { title: "Make an account", other: "login", ask: "Have an account already?", change: "Log in" }
} as const

export const LoginPage = () => {
  const [how, setHow] = useState<"login" | "register">("login")
  const [email, setEmail] = useState("")
  const [password, setPassword] = useState("")
  const [isBusy, setBusy] = useState(false)
  const [problem, setProblem] = useState<Problem | undefined>(undefined)
  const emailInput = useRef<HTMLInputElement>(null)
  const passwordInput = useRef<HTMLInputElement>(null)
  const { ask, change, other, title } = words[how]

  const wrongEmail =
    problem?.of("email") ?? (problem?.detail === "Email already registered" ? problem.message : undefined)
  const wrongPassword = problem?.of("password")
  const isAtFields = wrongEmail !== undefined || wrongPassword !== undefined

  useEffect(() => {
    document.title = `${title} – Parley`
    emailInput.current?.focus()
  }, [how])

  useEffect(() => {
    if (wrongEmail !== undefined) emailInput.current?.focus()
    else if (problem !== undefined) passwordInput.current?.focus()
  }, [problem])

  const submit = async () => {
    if (isBusy) return
    setBusy(true)
    setProblem(undefined)
    try {
      await enter(how, email, password)
    } catch (error) {
      setProblem(problemOf(error))
      setBusy(false)
    }
  }

  return (
    <main class="login">
      <form
        method="post"
        noValidate
        onSubmit={(event) => {
          event.preventDefault()
          void submit()
        }}
      >
        <p class="brand">Parley</p>
        <h1>{title}</h1>
        {loggedOutBecause.value !== undefined && problem === undefined && (
          <ProblemNote problem={loggedOutBecause.value} />
        )}
        {problem !== undefined && !isAtFields && <ProblemNote problem={problem} />}
        <Field
          id="email"
          label="E-mail address"
          type="email"
          autocomplete="username"
          value={email}
          wrong={wrongEmail}
          input={emailInput}
          onValue={setEmail}
        />
        <Field
          id="password"
          label="Password"
          type="password"
          autocomplete={how === "login" ? "current-password" : "new-password"}
          value={password}
          wrong={wrongPassword}
          input={passwordInput}
          onValue={setPassword}
        />
        <button type="submit" class="primary" aria-disabled={isBusy}>
          {isBusy ? "One moment …" : title}
        </button>
        <p class="other">
          {ask}{" "}
          <button
            type="button"
            class="link"
            onClick={() => {
              setHow(other)
              setProblem(undefined)
            }}
          >
            {change}
          </button>
        </p>
      </form>
    </main>
  )
}
