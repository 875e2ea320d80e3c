"""Networks of keras.applications by name: the arguments of each constructor, with Keras' names and defaults.

A constructor's `input_shape` is `input` in our documents. An engine calls the constructor; this checks its arguments.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal, get_args

import orjson
from pydantic import AfterValidator, BaseModel, Field, ValidationError
from pydantic_core import PydanticCustomError

from models.documents.document import Document
from models.documents.habits import APPLICATION
from models.documents.inputs import Dimension
from models.documents.raw_json import load_document
from models.documents.validation import field_names, problems_of
from models.errors import InvalidDocument, Problem, did_you_mean, shown
from models.images.scale import Scale
from models.layers.activation_names import FusedActivation
from models.layers.fields import Features
from models.layers.named import STRICT
from models.limits import MAX_EXTENT
from models.reading.parse import parse_document
from models.suggestions import Words


def _image(shape: list[int | None]) -> list[int | None]:
    if shape[2] is None:
        context = {"expected": "a number of channels", "received": "null"}
        raise PydanticCustomError("channels", "the channels cannot be free", context)
    return shape


ImageShape = Annotated[list[Dimension | None], Field(min_length=3, max_length=3), AfterValidator(_image)]
Alpha = Annotated[float, Field(gt=0, le=64, description="Widens (or narrows) every layer by this factor.")]
Rate = Annotated[float, Field(ge=0, le=1)]


class Application(BaseModel):
    """What every constructor takes."""

    model_config = STRICT
    scale: ClassVar[Scale] = "none"
    """What its `preprocess_input` does to an image; none where the network scales inside."""

    application: str
    name: Annotated[str | None, Field(max_length=128, description="A label; not part of the identity.")] = None
    seed: Annotated[int, Field(ge=0, le=2**63 - 1, description="Weights follow from it where `weights` is null.")] = 0
    input: Annotated[ImageShape | None, Field(description="Height, width and channels; null: as Keras has it.")] = None
    weights: Annotated[
        Literal["imagenet"] | None, Field(description="Those that Keras offers, or null: from the seed.")
    ] = "imagenet"
    include_top: Annotated[bool, Field(description="Whether the classifier is part of it.")] = True
    pooling: Annotated[
        Literal["avg", "max"] | None, Field(description="Ends a network without its top in a vector.")
    ] = None
    classes: Features = 1000
    classifier_activation: FusedActivation = "softmax"


class SignedApplication(Application):
    """Networks that were trained on pixels from -1 to 1 (Keras' mode "tf")."""

    scale = "signed"
    application: Literal[
        "InceptionResNetV2", "InceptionV3", "NASNetLarge", "NASNetMobile", "ResNet50V2", "ResNet101V2", "ResNet152V2",
        "Xception",
    ]  # fmt: skip


class CaffeApplication(Application):
    """Networks that were trained on BGR less ImageNet's means."""

    scale = "caffe"
    application: Literal["ResNet50", "ResNet101", "ResNet152", "VGG16", "VGG19"]


class TorchApplication(Application):
    """Networks that were trained on normalised RGB."""

    scale = "torch"
    application: Literal["DenseNet121", "DenseNet169", "DenseNet201"]


class EfficientNet(Application):
    """Networks that always scale inside."""

    application: Literal[
        "EfficientNetB0", "EfficientNetB1", "EfficientNetB2", "EfficientNetB3", "EfficientNetB4", "EfficientNetB5",
        "EfficientNetB6", "EfficientNetB7",
    ]  # fmt: skip


class ScalingApplication(Application):
    """Networks that scale inside unless told not to."""

    application: Literal[
        "ConvNeXtTiny", "ConvNeXtSmall", "ConvNeXtBase", "ConvNeXtLarge", "ConvNeXtXLarge", "EfficientNetV2B0",
        "EfficientNetV2B1", "EfficientNetV2B2", "EfficientNetV2B3", "EfficientNetV2S", "EfficientNetV2M",
        "EfficientNetV2L",
    ]  # fmt: skip
    include_preprocessing: bool = True


class MobileNet(Application):
    """The first MobileNet."""

    scale = "signed"
    application: Literal["MobileNet"]
    alpha: Alpha = 1.0
    depth_multiplier: Annotated[int, Field(ge=1, le=MAX_EXTENT)] = 1
    dropout: Rate = 0.001


class MobileNetV2(Application):
    """MobileNets of inverted residuals."""

    scale = "signed"
    application: Literal["MobileNetV2"]
    alpha: Alpha = 1.0


class MobileNetV3(Application):
    """MobileNets that scale inside unless told not to."""

    application: Literal["MobileNetV3Small", "MobileNetV3Large"]
    alpha: Alpha = 1.0
    minimalistic: bool = False
    dropout_rate: Rate = 0.2
    include_preprocessing: bool = True


FAMILIES = (SignedApplication, CaffeApplication, TorchApplication, EfficientNet, ScalingApplication,
            MobileNet, MobileNetV2, MobileNetV3)  # fmt: skip
APPLICATIONS: Mapping[str, type[Application]] = {
    name: family for family in FAMILIES for name in get_args(family.model_fields["application"].annotation)
}
"""The argument model of each network, by its name in keras.applications."""


def parse_model(raw: Any) -> Document | Application:
    """Parse a client's description of a network: a document of any form, or the name of one of keras.applications.

    Raises:
        InvalidDocument: listing every problem with its pointer into `raw`.
    """
    if isinstance(raw, str) and raw in APPLICATIONS:
        raise InvalidDocument("", [_name_alone(raw)])
    value = load_document(raw)
    named = isinstance(value, dict) and "application" in value
    return parse_application(value) if named else parse_document(value)


def _name_alone(name: str) -> Problem:
    advice = f'write {{"application": "{name}"}}'
    return Problem("", "this is a network's name, not a document", "a document", shown(name), advice)


def parse_application(raw: dict[str, Any]) -> Application:
    """Parse the constructor's arguments.

    Raises:
        InvalidDocument: listing every problem with its pointer into `raw`.
    """
    family = _family(raw["application"])
    words = Words({"": field_names(family)}, {"": APPLICATION})
    try:
        application = family.model_validate(raw)
    except ValidationError as error:
        raise InvalidDocument("", problems_of(error, raw, words)) from None
    problems = [*_without_effect(application), *_not_pretrained(application)]
    if problems:
        raise InvalidDocument("", problems)
    return application


def _family(name: Any) -> type[Application]:
    if isinstance(name, str) and name in APPLICATIONS:
        return APPLICATIONS[name]
    near = did_you_mean(name, APPLICATIONS) if isinstance(name, str) else None
    raise InvalidDocument.at(
        "/application",
        "keras.applications has no network of this name",
        expected=f"one of {', '.join(sorted(APPLICATIONS))}",
        received=shown(name),
        suggestion=f'write "{near}"' if near else None,
    )


def _without_effect(application: Application) -> Iterator[Problem]:
    """Yield problems of arguments that Keras would ignore silently."""
    if application.include_top and application.pooling is not None:
        yield Problem("/pooling", "pooling replaces the top", "null where include_top is true",
                      shown(application.pooling), 'write "include_top": false')  # fmt: skip
    for field in () if application.include_top else ("classes", "classifier_activation"):
        value, default = getattr(application, field), Application.model_fields[field].default
        if value != default:
            yield Problem(f"/{field}", f"{field} belongs to the top", "nothing where include_top is false",
                          shown(value), 'write "include_top": true')  # fmt: skip


def _not_pretrained(application: Application) -> Iterator[Problem]:
    """Yield problems of arguments that the ImageNet weights do not fit."""
    if application.weights is None:
        return
    if application.classes != 1000:
        yield Problem("/classes", "the weights of ImageNet have 1,000 classes", "1000, or null for weights",
                      shown(application.classes), 'write "weights": null')  # fmt: skip
    if application.classifier_activation not in (None, "softmax"):
        yield Problem("/classifier_activation", "the weights of ImageNet were trained with softmax",
                      "null or softmax", shown(application.classifier_activation))  # fmt: skip
    if application.input is not None and application.input[2] != 3:
        yield Problem("/input/2", "the weights of ImageNet are for pictures of three channels", "3",
                      shown(application.input[2]), 'write "weights": null')  # fmt: skip


LABELS = frozenset({"name", "seed"})
"""Fields that do not change the graph."""


def graph_arguments(application: Application) -> bytes:
    """Return the arguments that determine the graph and the ImageNet weights, as JSON for `parse_application`."""
    return orjson.dumps(application.model_dump(exclude=set(LABELS)), option=orjson.OPT_SORT_KEYS)
