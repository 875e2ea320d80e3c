"""Arguments of the constructors of keras.applications, with Keras' names and defaults.

A constructor's `input_shape` is `input` in our documents.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, get_args

from pydantic import AfterValidator, BaseModel, Field
from pydantic_core import PydanticCustomError

from models.documents.inputs import Dimension
from models.documents.labels import Labels
from models.images.scale import Scale
from models.layers.activation_names import FusedActivation
from models.layers.fields import Features
from models.layers.named import STRICT
from models.limits import MAX_EXTENT


def _image(shape: list[int | None]) -> list[int | None]:
    if shape[2] is None:
        context = {"expected": "a number of channels", "received": "null"}
        raise PydanticCustomError("channels", "the channels cannot be free", context)
    return shape


ImageShape = Annotated[list[Dimension | None], Field(min_length=3, max_length=3), AfterValidator(_image)]
Alpha = Annotated[float, Field(gt=0, le=64, description="Widens (or narrows) every layer by this factor.")]
Rate = Annotated[float, Field(ge=0, le=1)]


class Application(BaseModel):
    """Arguments of every constructor."""

    model_config = STRICT
    scale: ClassVar[Scale] = "none"
    """The scaling of its `preprocess_input`; none where the network scales inside."""

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
    labels: Labels | None = None


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
"""The argument models: one for each set of arguments and scaling."""
APPLICATIONS: Mapping[str, type[Application]] = {
    name: family for family in FAMILIES for name in get_args(family.model_fields["application"].annotation)
}
"""The argument model of each network, by its name in keras.applications."""
