import { Run, type ActivationsReply, type Tensor } from "layerscope";
import { expect, test, vi } from "vitest";
import { Tensors, type Views } from "../src/activations/tensors.ts";

const SHAPE = [1, 4, 4, 100];

/** A service whose pixel (y, x) of channel c is 10000 y + 100 x + c; it notes what it was asked for. */
function service() {
  const asked: Views[] = [];
  const answer = async (views: Views) => {
    asked.push(views);
    const tensors = views.layers.map((address): [string, Tensor] => {
      const [from = 0, to = 0] = (views.slice[address]?.split(", ").at(-1) ?? "").split(":").map(Number);
      const values = Array.from({ length: 16 }, (_, pixel) => {
        const place = 10_000 * Math.floor(pixel / 4) + 100 * (pixel % 4);
        return Array.from({ length: to - from }, (_, channel) => place + from + channel);
      });
      return [address, { dtype: "float32", shape: [4, 4, to - from], data: Float32Array.from(values.flat()) }];
    });
    return new Run<ActivationsReply>({} as ActivationsReply, new Map(tensors));
  };
  return { asked, answer };
}

function pixel(tensors: Tensors, unit: number, y: number, x: number): number | undefined {
  const view = tensors.map("conv", SHAPE, unit);
  return view && Number(view.data[view.first + y * view.rowStride + x * view.stride]);
}

test("Only the maps in view are asked for, those of all layers together, and their values are theirs.", async () => {
  const { asked, answer } = service();
  const tensors = new Tensors(answer);
  tensors.want("conv", SHAPE, 20, 40);
  tensors.want("other", SHAPE, 0, 3);
  expect(tensors.map("conv", SHAPE, 20)).toBeUndefined();
  await vi.waitFor(() => expect(pixel(tensors, 39, 2, 3)).toBe(20_339));
  expect(pixel(tensors, 17, 1, 0)).toBe(10_017);
  expect(pixel(tensors, 50, 0, 0)).toBeUndefined();
  expect(asked.map(({ slice }) => slice)).toEqual([
    { conv: "0, :, :, 16:32", other: "0, :, :, 0:16" },
    { conv: "0, :, :, 32:48" },
  ]);
});

test("What is scrolled out of view before it is asked for is never fetched.", async () => {
  const { asked, answer } = service();
  const tensors = new Tensors(answer);
  tensors.want("conv", SHAPE, 0, 10);
  tensors.want("conv", SHAPE, 90, 100);
  tensors.want("gone", SHAPE, 0, 10);
  tensors.forget("gone");
  await vi.waitFor(() => expect(pixel(tensors, 99, 0, 0)).toBe(99));
  expect(asked.map(({ slice }) => slice)).toEqual([{ conv: "0, :, :, 80:96" }, { conv: "0, :, :, 96:100" }]);
});

test("Whole tensors need no request.", () => {
  const data = Float32Array.from({ length: 1600 }, (_, at) => 10_000 * Math.floor(at / 400) + 100 * (Math.floor(at / 100) % 4) + (at % 100));
  const tensors = Tensors.whole(new Map([["conv", { dtype: "float32", shape: SHAPE, data }]]));
  expect([pixel(tensors, 7, 3, 2), pixel(tensors, 99, 0, 0)]).toEqual([30_207, 99]);
});

test("A failure is told once, and is no answer.", async () => {
  const failed = vi.fn();
  const tensors = new Tensors(() => Promise.reject(new Error("no")), failed);
  tensors.want("conv", SHAPE, 0, 1);
  await vi.waitFor(() => expect(failed).toHaveBeenCalledTimes(1));
  expect(pixel(tensors, 0, 0, 0)).toBeUndefined();
});
