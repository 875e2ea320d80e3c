import type { RefObject } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

/** The list of layers scrolls, not the window: browsers without `scrollMargin` begin when an element comes into view. */
const NEARLY: IntersectionObserverInit & { readonly scrollMargin: string } = { scrollMargin: "400px 0px" }; // not in lib.dom yet

/** A reference to set on an element, and whether the element is in view, or nearly. */
export function useInView<Element extends HTMLElement>(): [RefObject<Element | null>, boolean] {
  const element = useRef<Element>(null);
  const [isInView, setInView] = useState(false);
  useEffect(() => {
    const observer = new IntersectionObserver(
      (entries) => setInView(entries.some((entry) => entry.isIntersecting)),
      NEARLY,
    );
    if (element.current !== null) observer.observe(element.current);
    return () => observer.disconnect();
  }, []);
  return [element, isInView];
}
