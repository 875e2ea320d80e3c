/** What the reader chose once for all: kept in this browser where it lets the page keep something. */

const PREFIX = "layerscope.";

export function stored(key: string): string | null {
  try {
    return localStorage.getItem(PREFIX + key);
  } catch {
    return null; // a browser that keeps nothing for this page
  }
}

export function store(key: string, value: string): void {
  try {
    localStorage.setItem(PREFIX + key, value);
  } catch {
    // the choice lasts as long as the page
  }
}
