"""What clients of other servers and libraries call the fields of a request, and what is meant."""

from __future__ import annotations

from functools import cache

from models.documents.validation import field_names
from models.suggestions import Habits, Meant, Words, meaning
from service.options.activation import ActivationOptions

OPTIONS = field_names(ActivationOptions)
MODEL, INPUTS = "model", "inputs"
PICTURES = ("image", "images", "img", "photo", "photos", "picture", "pictures", "file", "files", "upload", "image_url")
LEAVE_OUT = Meant(advice="leave it out")
COMMON: Habits = meaning({
    MODEL: "document network net config architecture layer_config model_config model_json modelTopology json spec",
    INPUTS: "input x tensor tensors instances instance samples features array values examples dataframe_split ndarray",
    "layers": "layer output outputs fetches addresses names selectors",
    "format": "accept output_format response_format",
    "stats": "statistics",
}) | {
    **dict.fromkeys(("signature_name", "model_name", "model_spec", "model_version", "version", "id"), LEAVE_OUT),
    **dict.fromkeys(("batch", "batch_size"), Meant(advice="leave it out: the inputs say it")),
    **dict.fromkeys(("options", "parameters", "params"), Meant(advice="write what is in it beside inputs")),
}  # fmt: skip
IN_JSON: Habits = {**COMMON, **dict.fromkeys(PICTURES, Meant((INPUTS,), '"inputs": {"image": "<base64>"}'))}
IN_FORM: Habits = {
    **COMMON,
    **dict.fromkeys(PICTURES, Meant(("image",))),
    **dict.fromkeys(("tensor_file", "npy", "npz"), Meant(("tensor",))),
}
IN_QUERY: Habits = {
    **COMMON,
    MODEL: Meant(advice="POST /v1/models/{name}/activations runs a registered model, POST /v1/plan?model= plans it"),
    INPUTS: Meant(advice="inputs come in the body"),
}


@cache
def json_words(inline: bool) -> Words:
    """The fields of a JSON body. `inline` says that the model comes with it."""
    return Words({"": [*([MODEL] if inline else []), INPUTS, *OPTIONS]}, {"": IN_JSON})


@cache
def form_words(inline: bool) -> Words:
    """The fields of a form."""
    known = ["image", "tensor", INPUTS, "inputs.<name>", *([MODEL] if inline else []), *OPTIONS]
    return Words({"": known}, {"": IN_FORM})


PLAN: Habits = {**COMMON, INPUTS: LEAVE_OUT, "input": LEAVE_OUT, "data": LEAVE_OUT, "batch_size": Meant(("batch",))}
"""Of a request for a plan, which runs nothing."""
UPLOAD: Habits = meaning({
    MODEL: "document network net config architecture model_json json",
    "weights": "weight file files keras checkpoint state_dict params parameters model_file",
})  # fmt: skip
"""Of the parts of an upload."""
OPEN_INFERENCE: Habits = {
    **dict.fromkeys(("instances", "instance", "input", "data"),
                    Meant(("inputs",), '"inputs": [{"name": …, "shape": […], "datatype": "FP32", "data": […]}]')),
    **dict.fromkeys(("output", "layers"), Meant(("outputs",), '"outputs": [{"name": …}]')),
    **dict.fromkeys(("signature_name", "model_spec"), LEAVE_OUT),
}  # fmt: skip
"""Of an inference."""
