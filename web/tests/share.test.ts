import { expect, test } from "vitest";
import { curl } from "../src/share/curl.ts";
import { javascript } from "../src/share/javascript.ts";
import { keras } from "../src/share/keras.ts";
import { literal, python } from "../src/share/python.ts";
import { bodyOf, type Request } from "../src/share/request.ts";

const URL = "http://127.0.0.1:8000/v1/activations";

test("A value is written as Python has it.", () => {
  expect(literal({ a: [true, false, null, -1.5, 'it\'s "x"\n'] })).toBe(
    '{"a": [True, False, None, -1.5, "it\'s \\"x\\"\\n"]}',
  );
});

test("What the page has goes along as JSON, a file of the reader by its name.", async () => {
  const options = { layers: ["conv2d"], scale: "unit" };
  const numbers = { x: { kind: "numbers", json: "[[1]]" } } as const;
  const file = { x: { kind: "file", name: "cat.jpg", content: new Blob() } } as const;
  expect(await bodyOf({ model: null, input: [[1]], sources: numbers, options })).toEqual({
    kind: "json",
    json: { ...options, inputs: [[1]] },
  });
  expect(await bodyOf({ model: { layers: [] }, input: new Blob(), sources: file, options })).toEqual({
    kind: "form",
    fields: { model: '{"layers":[]}', layers: '["conv2d"]', scale: "unit" },
    files: { image: "cat.jpg" },
  });
});

test("Quotes in a name end no word of a shell, and a key is never written down.", () => {
  const body = { kind: "form", fields: { of: "it's" }, files: { image: "it's.png" } } as const;
  const request: Request = { url: URL, hasKey: true, body };
  expect(curl(request)).toContain(`--form-string 'of=it'\\''s' \\\n  -F 'image=@"it'\\''s.png"'`);
  for (const code of [curl(request), python(request), javascript(request)]) expect(code).toContain("LAYERSCOPE_KEY");
});

test("Keras gets what the service made of a file of the reader.", () => {
  const body = { kind: "form", fields: { scale: "unit" }, files: { image: "cat.jpg" } } as const;
  const code = keras({ url: "http://x/v1/models/m", hasKey: true, document: null, body, inputs: ["in"], layer: null });
  expect(code).toContain(
    'data={"scale": "unit", "layers": "[\\"in\\"]", "format": "npz"}, files={"image": open("cat.jpg", "rb")}',
  );
  expect(code).toContain("LAYERSCOPE_KEY");
});
