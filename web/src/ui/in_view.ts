import type { RefObject } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

const MARGIN = "300px 0px";

/** A reference to set on an element, and whether the element is in view, or nearly. */
export function useInView<Element extends HTMLElement>(): [RefObject<Element | null>, boolean] {
  const element = useRef<Element>(null);
  const [isInView, setInView] = useState(false);
  useEffect(() => {
    const observer = new IntersectionObserver((entries) => setInView(entries.some((entry) => entry.isIntersecting)), {
      rootMargin: MARGIN,
    });
    if (element.current !== null) observer.observe(element.current);
    return () => observer.disconnect();
  }, []);
  return [element, isInView];
}
