/** Saves a file as the browser saves downloads. */

export function save(content: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), FREED_AFTER_MS);
}

/** Browsers read the file after the click has returned. */
const FREED_AFTER_MS = 60_000;
