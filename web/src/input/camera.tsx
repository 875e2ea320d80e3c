import "./camera.css";
import { useEffect, useRef, useState } from "preact/hooks";
import { text } from "../text/text.ts";
import { Button } from "../ui/button.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { Notice } from "../ui/notice.tsx";
import type { InputSource } from "./address.ts";
import { sourceOf } from "./files.ts";

const NAME = "camera.jpg";
const QUALITY = 0.9;

/** Takes a picture with the camera, which is asked for only when this button is used. */
export function CameraButton({ onChoose }: { readonly onChoose: (source: InputSource) => void }) {
  const [isOpen, setOpen] = useState(false);
  const words = text.value.input;
  return (
    <>
      <Button onClick={() => setOpen(true)}>{words.camera}</Button>
      {isOpen && (
        <Dialog title={words.camera} onClose={() => setOpen(false)}>
          <Finder
            onTake={async (picture) => {
              setOpen(false);
              onChoose(await sourceOf(picture, NAME));
            }}
          />
        </Dialog>
      )}
    </>
  );
}

function Finder({ onTake }: { readonly onTake: (picture: Blob) => void }) {
  const video = useRef<HTMLVideoElement>(null);
  const [isRefused, setRefused] = useState(false);
  useEffect(() => {
    let stream: MediaStream | undefined;
    let isGone = false;
    const open = async () => {
      try {
        stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
        if (isGone) for (const track of stream.getTracks()) track.stop();
        else if (video.current !== null) video.current.srcObject = stream;
      } catch {
        setRefused(true);
      }
    };
    void open();
    return () => {
      isGone = true;
      for (const track of stream?.getTracks() ?? []) track.stop();
    };
  }, []);
  const words = text.value.input;
  if (isRefused) return <Notice kind="caution" title={words.cameraRefused} />;
  return (
    <>
      <video ref={video} class="camera" autoplay playsInline muted />
      <Button look="main" onClick={() => void taken(video.current).then((picture) => picture && onTake(picture))}>
        {words.cameraTake}
      </Button>
    </>
  );
}

/** The middle square of what the camera shows. */
async function taken(video: HTMLVideoElement | null): Promise<Blob | null> {
  if (video === null || video.videoWidth === 0) return null;
  const side = Math.min(video.videoWidth, video.videoHeight);
  const canvas = new OffscreenCanvas(side, side);
  const [left, top] = [(video.videoWidth - side) / 2, (video.videoHeight - side) / 2];
  canvas.getContext("2d")?.drawImage(video, -left, -top);
  return canvas.convertToBlob({ type: "image/jpeg", quality: QUALITY });
}
