import "./drop_zone.css";
import { useEffect, useState } from "preact/hooks";
import { type Place, receive, receiveText } from "../app/arrivals.ts";
import { text } from "../text/text.ts";

/** Takes files that are dropped anywhere, and what is pasted where nothing is written. */
export function DropZone() {
  const [isOver, setOver] = useState(false);
  useEffect(() => {
    const over = (event: DragEvent) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      setOver(true);
    };
    const leave = (event: DragEvent) => event.relatedTarget === null && setOver(false);
    addEventListener("dragover", over);
    addEventListener("dragleave", leave);
    addEventListener("paste", paste);
    return () => {
      removeEventListener("dragover", over);
      removeEventListener("dragleave", leave);
      removeEventListener("paste", paste);
    };
  }, []);
  const drop = (place: Place) => (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    void receive([...(event.dataTransfer?.files ?? [])], place);
  };
  if (!isOver) return null;
  const words = text.value.input;
  return (
    <div class="drop-zone">
      {/* biome-ignore-start lint/a11y/noStaticElementInteractions: files are chosen with buttons, too */}
      <div class="drop-place" onDrop={drop("input")}>
        {words.dropInput}
      </div>
      <div class="drop-place" onDrop={drop("network")}>
        {words.dropNetwork}
      </div>
      {/* biome-ignore-end lint/a11y/noStaticElementInteractions: the end of it */}
    </div>
  );
}

function paste(event: ClipboardEvent): void {
  if (event.target instanceof Element && event.target.closest("input, textarea") !== null) return;
  const files = [...(event.clipboardData?.files ?? [])];
  if (files.length > 0) void receive(files, "input");
  else receiveText(event.clipboardData?.getData("text/plain") ?? "");
}
