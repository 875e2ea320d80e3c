import "./share_dialog.css";
import { useEffect, useState } from "preact/hooks";
import { noteFailure } from "../app/service.ts";
import { element } from "../detail/selection.ts";
import { text } from "../text/text.ts";
import { Button } from "../ui/button.tsx";
import { Choices } from "../ui/choices.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { codeOf, LANGUAGES, type Language, VERBS, type Verb, verbShown } from "./view.ts";

const SHOWN_MS = 3000;

/** What the page shows as code that works where it is pasted. */
export function ShareDialog({ onClose }: { readonly onClose: () => void }) {
  const [language, setLanguage] = useState<Language>("curl");
  const [verb, setVerb] = useState<Verb>(verbShown());
  const code = useCode(language, verb);
  const words = text.value.share;
  const isRequest = language !== "keras" && language !== "document";
  const verbs = VERBS.filter((name) => name !== "arithmetic" || element.value !== null);
  return (
    <Dialog title={words.title} onClose={onClose}>
      <div class="share-choices">
        <Choices
          label={words.language}
          names={LANGUAGES}
          words={words.languages}
          chosen={language}
          onChoose={setLanguage}
        />
        {isRequest && <Choices label={words.what} names={verbs} words={words.verbs} chosen={verb} onChoose={setVerb} />}
      </div>
      <p class="quiet">{words.help[language]}</p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard */}
      <pre class="share-code" tabIndex={0}>
        <code>{code ?? text.value.activations.notComputed}</code>
      </pre>
      {code !== null && <CopyButton code={code} />}
    </Dialog>
  );
}

function useCode(language: Language, verb: Verb): string | null {
  const [code, setCode] = useState<string | null>(null);
  useEffect(() => {
    let isWanted = true;
    const take = (written: string | null) => isWanted && setCode(written);
    codeOf(language, verb).then(take, (error) => {
      noteFailure(error);
      take(String(error));
    });
    return () => {
      isWanted = false;
    };
  }, [language, verb]);
  return code;
}

function CopyButton({ code }: { readonly code: string }) {
  const [isCopied, setCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(code);
    setCopied(true);
    setTimeout(() => setCopied(false), SHOWN_MS);
  };
  return (
    <Button look="main" onClick={() => void copy()}>
      {isCopied ? text.value.app.copied : text.value.share.copy}
    </Button>
  );
}
