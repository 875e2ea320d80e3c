import { LayerscopeError } from "layerscope";
import { expect, test } from "vitest";
import { withFewer } from "../src/diagnose/fewer.ts";
import { type Finding, figuresOf, found, grouped, keyOf, unitsOf } from "../src/diagnose/findings.ts";
import { shifts } from "../src/diagnose/shifts.ts";
import { linesOf } from "../src/ui/refusal.tsx";

function finding(name: string, address: string, parts: Partial<Finding> = {}): Finding {
  const rest = { evidence: {}, severity: "low", status: "found", text: "", threshold: {}, type: "ReLU" } as const;
  return { finding: name, address, ...rest, ...parts };
}

const ALL = [
  finding("zero_filters", "conv", { severity: "high" }),
  finding("dead_units", "relu"),
  finding("dead_units", "relu_1", { status: "not_enough_items" }),
  finding("weights", "conv", { status: "clear" }),
  finding("weights", "dense", { status: "clear" }),
];

test("What was found keeps the order of the service.", () => {
  expect(found(ALL).map(keyOf)).toEqual(["zero_filters@conv", "dead_units@relu"]);
});

test("The rest is grouped by its kind.", () => {
  const clear = grouped(ALL, "clear");
  expect([...clear].map(([name, layers]) => [name, layers.map((one) => one.address)])).toEqual([
    ["weights", ["conv", "dense"]],
  ]);
  expect([...grouped(ALL, "not_enough_items").keys()]).toEqual(["dead_units"]);
});

test("Units are those that are listed, or all that are copies; a name that others share is none.", () => {
  expect(unitsOf(finding("dead_units", "relu", { evidence: { indices: [2, 5], units: 8 } }))).toEqual([2, 5]);
  expect(
    unitsOf(
      finding("duplicate_filters", "conv", {
        evidence: {
          groups: [
            [0, 1],
            [4, 6],
          ],
        },
      }),
    ),
  ).toEqual([0, 1, 4, 6]);
  expect(unitsOf(finding("weights", "conv", { evidence: { indices: ["a"], units: 8 } }))).toEqual([]);
});

test("Figures are numbers and words, without lists and parts.", () => {
  const evidence = { items: 40, dead: 2, indices: [1, 2], activation: "relu", inputs: [{ min: 0 }] };
  expect(figuresOf(finding("dead_units", "relu", { evidence }))).toEqual([
    ["items", 40],
    ["dead", 2],
    ["activation", "relu"],
  ]);
});

test("Forty pictures of ten digits are all different, and sixty-one are too many.", () => {
  const made = shifts(40, 10);
  expect(new Set(made.map((one) => JSON.stringify(one))).size).toBe(40);
  expect(new Set(made.map((one) => one.digit)).size).toBe(10);
  expect(() => shifts(61, 10)).toThrow(RangeError);
});

test("Half as many samples are taken until the service takes them; other refusals are told at once.", async () => {
  const asked: number[] = [];
  const upTo = (most: number, status: number) => async (count: number) => {
    asked.push(count);
    if (count > most) throw refusal(status);
    return count;
  };
  expect(await withFewer(40, upTo(6, 413))).toBe(5);
  expect(asked).toEqual([40, 20, 10, 5]);
  await expect(withFewer(40, upTo(6, 422))).rejects.toThrow(LayerscopeError);
  await expect(withFewer(2, upTo(0, 413))).rejects.toThrow(LayerscopeError);
  expect(asked.slice(4)).toEqual([40, 2, 1]);
});

test("A refusal is told without pointers, and without advice on what the page asked for by itself.", () => {
  expect(linesOf(refusal(413))).toEqual(["too many"]);
  expect(linesOf(refusal(422, "/window"))).toEqual(["too many · ask for fewer"]);
});

function refusal(status: number, pointer = "/layers"): LayerscopeError {
  const errors = [{ pointer, message: "too many", suggestion: "ask for fewer" }];
  const rest = { type: "", title: "", detail: "", instance: "", code: "too_large", request_id: "" } as const;
  return new LayerscopeError({ ...rest, status, errors } as ConstructorParameters<typeof LayerscopeError>[0]);
}
