import { useEffect, useState } from "preact/hooks"
import type { ComponentChildren } from "preact"
import type { Problem } from "./Problem.ts"

/** Seconds until it is worth another try; those of days are told by date. */
const useSecondsUntil = (retryAt: number | undefined): number => {
  const left = () => Math.max(0, Math.ceil(((retryAt ?? 0) - Date.now()) / 1000))
  const [seconds, setSeconds] = useState(left)
  useEffect(() => {
    setSeconds(left())
    if (left() === 0) return undefined
    const timer = setInterval(() => setSeconds(left()), 500)
    return () => clearInterval(timer)
  }, [retryAt])
  return seconds
}

const RetryButton = ({ label, onRetry, retryAt }: Retry & { readonly retryAt: number | undefined }) => {
  const seconds = useSecondsUntil(retryAt)
  return (
    <button type="button" class="small" disabled={seconds > 0} onClick={onRetry}>
      {label}
      {seconds > 0 && seconds < 3600 && <span class="seconds">&nbsp;in {seconds} s</span>}
    </button>
  )
}

interface Retry {
  readonly label: string
  readonly onRetry: () => void
}

/** What went wrong, and what can be done about it here. */
export const ProblemNote = (props: {
  readonly problem: Problem
  readonly retry?: Retry | undefined
  readonly children?: ComponentChildren
}) => {
  const { children, problem, retry } = props
  return (
    <div class={problem.detail === "The turn was cancelled" ? "note" : "note wrong"} role="alert">
      <p>{problem.message}</p>
      {(retry !== undefined || children !== undefined) && (
        <div class="actions">
          {retry !== undefined && <RetryButton {...retry} retryAt={problem.retryAt} />}
          {children}
        </div>
      )}
    </div>
  )
}
