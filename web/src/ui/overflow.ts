import type { RefObject } from "preact";
import { useLayoutEffect, useState } from "preact/hooks";

export interface Overflow {
  /** Whether something is hidden beyond that side. */
  readonly left: boolean;
  readonly right: boolean;
}

const NONE: Overflow = { left: false, right: false };

/** What an element that scrolls sideways hides, as it is scrolled; looked at anew where `size` changes. */
export function useOverflow(element: RefObject<HTMLElement | null>, size: number): Overflow {
  const [overflow, setOverflow] = useState(NONE);
  useLayoutEffect(() => {
    const found = element.current;
    if (found === null) return;
    const look = () => setOverflow(overflowOf(found));
    look();
    found.addEventListener("scroll", look, { passive: true });
    return () => found.removeEventListener("scroll", look);
  }, [size]);
  return overflow;
}

/** A pixel is left out of account: widths are rounded. */
function overflowOf({ scrollLeft, scrollWidth, clientWidth }: HTMLElement): Overflow {
  return { left: scrollLeft > 1, right: scrollLeft + clientWidth < scrollWidth - 1 };
}
