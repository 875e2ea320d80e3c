import "./button.css";
import type { ComponentChildren } from "preact";

interface Props {
  readonly children: ComponentChildren;
  readonly onClick: () => void;
  /** `quiet` has no border; `main` is what the reader is asked for. */
  readonly look?: "plain" | "quiet" | "main";
  readonly label?: string | undefined;
  readonly isOn?: boolean | undefined;
  readonly isDisabled?: boolean;
  readonly id?: string;
}

export function Button({ children, onClick, look = "plain", label, isOn, isDisabled = false, id }: Props) {
  return (
    <button
      type="button"
      id={id}
      class={`button ${look}`}
      aria-label={label}
      title={label}
      aria-pressed={isOn}
      disabled={isDisabled}
      onClick={onClick}
    >
      {children}
    </button>
  );
}
