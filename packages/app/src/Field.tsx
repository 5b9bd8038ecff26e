import type { Ref } from "preact"

interface Props {
  readonly id: string
  readonly label: string
  readonly type: "text" | "email" | "password"
  readonly autocomplete: "username" | "current-password" | "new-password" | "off"
  readonly value: string
  readonly wrong: string | undefined
  readonly input: Ref<HTMLInputElement>
  readonly onValue: (value: string) => void
}

/** An input with its label, and what is wrong with it. */
export const Field = ({ autocomplete, id, input, label, onValue, type, value, wrong }: Props) => {
  const common = {
    id,
    name: id,
    ref: input,
    autocomplete,
    value,
    "aria-invalid": wrong !== undefined,
    "aria-describedby": wrong === undefined ? undefined : `${id}-wrong`,
    onInput: (event: { readonly currentTarget: HTMLInputElement }) => onValue(event.currentTarget.value)
  }
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {type === "password" ? (
        <input {...common} type="password" />
      ) : type === "email" ? (
        <input {...common} type="email" />
      ) : (
        <input {...common} type="text" />
      )}
      {wrong !== undefined && (
        <p class="wrong" id={`${id}-wrong`}>
          {wrong}
        </p>
      )}
    </div>
  )
}
