"""Field names that clients of other servers and libraries use, and the names to suggest instead."""

from __future__ import annotations

from functools import cache

from models.documents.validation import field_names
from models.errors.suggestions import Hint, Synonyms, Words, field_hints
from service.options.activation import ActivationOptions
from service.options.field_names import IMAGE, INPUTS, LABELS, MODEL, TENSOR, WEIGHTS

OPTIONS = tuple(field_names(ActivationOptions))
PICTURES = ("image", "images", "img", "photo", "photos", "picture", "pictures", "file", "files", "upload", "image_url")
OF_OBJECTS = {"tolerance": ("rtol", "atol")}
"""The fields of options that are objects."""
LEAVE_OUT = Hint(advice="leave it out")
IN_DOCUMENT = Hint(advice="class labels are a member of the document, or a part of PUT /v1/models/{name}")
COMMON: Synonyms = field_hints({
    MODEL: "document network net config architecture layer_config model_config model_json modelTopology json spec",
    INPUTS: "input x tensor tensors instances instance samples features array values examples dataframe_split ndarray",
    "layers": "layer output outputs fetches addresses names selectors",
    "to": "layers layer wrt target_layer address addresses",
    "of": "target neuron unit class_index class_idx label output",
    "method": "explainer algorithm",
    "format": "accept output_format response_format",
    "stats": "statistics",
    "a": "left first baseline reference",
    "b": "right second candidate other",
}) | {
    **dict.fromkeys(("signature_name", "model_name", "model_spec", "model_version", "version", "id"), LEAVE_OUT),
    **dict.fromkeys((LABELS, "class_names", "classes"), IN_DOCUMENT),
    **dict.fromkeys(("batch", "batch_size"), Hint(advice="leave it out: the inputs say it")),
    **dict.fromkeys(("options", "parameters", "params"), Hint(advice="write what is in it beside inputs")),
}  # fmt: skip
IN_JSON: Synonyms = {**COMMON, **dict.fromkeys(PICTURES, Hint((INPUTS,), '"inputs": {"image": "<base64>"}'))}
IN_FORM: Synonyms = {
    **COMMON,
    **dict.fromkeys(PICTURES, Hint((IMAGE,))),
    **dict.fromkeys(("tensor_file", "npy", "npz"), Hint((TENSOR,))),
}
IN_QUERY: Synonyms = {
    **COMMON,
    MODEL: Hint(advice="POST /v1/models/{name}/activations runs a registered model, POST /v1/plan?model= plans it"),
    INPUTS: Hint(advice="inputs come in the body"),
}


@cache
def json_words(inline: bool, options: tuple[str, ...] = OPTIONS) -> Words:
    """Return the fields of a JSON body with these options; `inline`: including the model."""
    return Words({"": [*([MODEL] if inline else []), INPUTS, *options], **OF_OBJECTS}, {"": IN_JSON})


@cache
def form_words(inline: bool, options: tuple[str, ...] = OPTIONS) -> Words:
    """Return the fields of a form with these options; `inline`: including the model."""
    known = [IMAGE, TENSOR, INPUTS, f"{INPUTS}.<name>", *([MODEL] if inline else []), *options]
    return Words({"": known, **OF_OBJECTS}, {"": IN_FORM})


PLAN: Synonyms = {**COMMON, INPUTS: LEAVE_OUT, "input": LEAVE_OUT, "data": LEAVE_OUT, "batch_size": Hint(("batch",))}
"""Synonyms in plan requests, which run nothing."""
UPLOAD: Synonyms = field_hints({
    MODEL: "document network net config architecture model_json json",
    WEIGHTS: "weight file files keras checkpoint state_dict params parameters model_file",
    LABELS: "label classes class_names names categories labels.txt labels_file",
})  # fmt: skip
"""Synonyms in the parts of an upload."""
OPEN_INFERENCE: Synonyms = {
    **dict.fromkeys(("instances", "instance", "input", "data"),
                    Hint((INPUTS,), '"inputs": [{"name": …, "shape": […], "datatype": "FP32", "data": […]}]')),
    **dict.fromkeys(("output", "layers"), Hint(("outputs",), '"outputs": [{"name": …}]')),
    **dict.fromkeys(("signature_name", "model_spec"), LEAVE_OUT),
}  # fmt: skip
"""Synonyms in inference requests."""
