import "./weight_gradients.css";
import type { Tensor } from "layerscope";
import { figure, shape } from "../text/figures.ts";
import { text } from "../text/text.ts";

const PREFIX = "weights/";

/** How strongly the number reacts to each weight of the layer: the Euclidean norm of its gradient. */
export function WeightGradients({ tensors }: { readonly tensors: ReadonlyMap<string, Tensor> }) {
  const found = [...tensors].filter(([name]) => name.startsWith(PREFIX));
  const words = text.value.explain;
  if (found.length === 0) return null;
  return (
    <table class="weight-gradients">
      <caption>{words.weightsTitle}</caption>
      <tbody>
        {found.map(([name, tensor]) => (
          <tr key={name}>
            <th scope="row">{name.slice(PREFIX.length)}</th>
            <td class="quiet">{shape(tensor.shape)}</td>
            <td>{`${words.norm} ${figure(normOf(tensor))}`}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function normOf({ data }: Tensor): number {
  let sum = 0;
  for (const value of data) sum += Number(value) ** 2;
  return Math.sqrt(sum);
}
