import { text } from "../text/text.ts";
import { Button } from "../ui/button.tsx";
import { isShareable } from "./address.ts";
import { CameraButton } from "./camera.tsx";
import { FileButton } from "./file_button.tsx";
import type { InputProps } from "./input_section.tsx";
import { NumbersButton } from "./numbers.tsx";
import { SampleChoice } from "./sample_choice.tsx";
import { type InputSpec, takesDigits, takesPictures } from "./samples.ts";
import { Scaling } from "./scaling.tsx";

interface Props extends InputProps {
  readonly isPad: boolean;
  readonly onPad: (isPad: boolean) => void;
  /** Clears the pad; null where there is none. */
  readonly onClear: (() => void) | null;
}

/** What could be in an input's place: samples, files, a drawing, the camera, numbers; and how pixels become numbers. */
export function InputChoice({ isPad, onPad, onClear, ...props }: Props) {
  const { name, spec, source, onChoose } = props;
  const words = text.value.input;
  const isPicture = takesPictures(spec);
  return (
    <div class="input-choice">
      <p class="input-invitation">{invitation(spec)}</p>
      <SampleChoice {...props} />
      <div class="input-buttons">
        <FileButton onChoose={onChoose} />
        {isPicture && !takesDigits(spec) && (
          <Button isOn={isPad} onClick={() => onPad(!isPad)}>
            {words.draw}
          </Button>
        )}
        {onClear !== null && <Button onClick={onClear}>{words.clear}</Button>}
        {isPicture && <CameraButton onChoose={onChoose} />}
        <NumbersButton {...props} />
        {isPicture && <Scaling name={name} spec={spec} />}
      </div>
      {!isShareable(source) && <p class="input-note quiet">{words.tooLargeForLink}</p>}
    </div>
  );
}

function invitation(spec: InputSpec): string {
  const words = text.value.input;
  if (takesDigits(spec)) return words.invitation;
  return takesPictures(spec) ? words.invitationPicture : words.invitationNumbers;
}
