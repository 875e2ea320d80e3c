import "./notice.css";
import type { ComponentChildren } from "preact";

interface Props {
  readonly kind: "wrong" | "caution";
  readonly title: string;
  readonly children?: ComponentChildren;
}

/** Something that went wrong, or that the reader should know, and what to do. */
export function Notice({ kind, title, children }: Props) {
  return (
    <section class={`notice ${kind}`} role={kind === "wrong" ? "alert" : "status"}>
      <p class="notice-title">{title}</p>
      {children}
    </section>
  );
}
