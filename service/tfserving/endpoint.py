"""`POST /v1/models/<model>[/versions/<version>|/labels/<label>]:predict|classify|regress`, as endpoints.

    body ── begin ──▶ RestJob (arrays ready for the model) ── ask ──▶ outputs ── finish ──▶ JSON

`serving_default` of a model that takes pictures goes the way of all predictions, in batches; every other signature is
called for this request alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from service import garbage
from service.catalogue import Signature
from service.endpoint import Call
from service.errors import UnknownSignatureError
from service.images.limits import PictureLimits
from service.responses import Reply
from service.router import Router, Target
from service.settings import Settings
from service.tensors import read_encoded
from service.tfserving import addresses, answer, examples, request
from service.tfserving.job import IMAGES, Array, RestJob, is_batched, named_signature, signature_of
from service.tfserving.request import SERVING, Form, Pictures

_LIGHT_BYTES = 32_768
_MANY_LISTS_BYTES = 262_144


class _Rest:
    """What the endpoints have in common. `clock` gives seconds; tests put a still one in."""

    method = ""

    def __init__(self, settings: Settings, router: Router, clock: Callable[[], float]) -> None:
        self._router = router
        self._clock = clock
        self._max_pictures = settings.max_pictures
        self._limits = PictureLimits(max_pixels=settings.max_pixels)

    @property
    def route(self) -> str:
        return f"{addresses.PREFIX}<model>:{self.method}"

    def matches(self, path: str) -> bool:
        return addresses.method_of(path) == self.method

    def is_heavy(self, call: Call) -> bool:
        return len(call.body) > _LIGHT_BYTES or b'"b64"' in call.body

    def _pictures(self, target: Target) -> Pictures:
        def read(data: bytes, place: str) -> npt.NDArray[np.uint8]:
            return read_encoded(data, target, self._limits, place)

        return Pictures(target.shape, read, self._max_pictures)

    def _job(
        self,
        call: Call,
        target: Target,
        signature: str,
        form: Form,
        tensors: Callable[[], dict[str, Array]],
        *,
        is_batched: bool,
    ) -> RestJob:
        read = self._clock()
        found = tensors()
        decoded = self._clock()
        return RestJob(
            self._router,
            addresses.parse(call.path).wanted(call.request_id),
            target,
            signature,
            form,
            found,
            is_batched,
            call.budget_seconds - (decoded - call.started_seconds),
            {"read": read - call.started_seconds, "decode": decoded - read},
        )


class Predict(_Rest):
    """The endpoint of `:predict`."""

    method = "predict"

    def begin(self, call: Call) -> RestJob:
        """Find the model and its signature, take the body apart, check and prepare its arrays.

        :raise ServiceError: any fault of the input.
        """
        target = self._router.target(addresses.parse(call.path).wanted(call.request_id))
        with _undisturbed(call):
            asked = request.parse(call.body)
            signature = signature_of(target, asked.signature)
            return self._job(
                call,
                target,
                asked.signature,
                asked.form,
                lambda: request.tensors(asked, signature, self._pictures(target)),
                is_batched=asked.signature == SERVING and is_batched(target, signature),
            )

    def finish(self, job: RestJob) -> Reply:
        """The outputs, in the form that the inputs had."""
        return Reply((answer.predictions if job.form == "row" else answer.outputs)(job.outputs))


class Classify(_Rest):
    """The endpoint of `:classify`."""

    method = "classify"

    def begin(self, call: Call) -> RestJob:
        """As `Predict.begin`. Models here have no signature of TensorFlow Serving's classification method, which
        takes serialized tf.Examples; `serving_default` and the labels of the model's card say the same.
        """
        target = self._router.target(addresses.parse(call.path).wanted(call.request_id))
        with _undisturbed(call):
            document = request.document(call.body)
            name = request.signature_name(document)
            found = examples.parse(document)
            signature = named_signature(target, name, "No signature was found with the name: {}")
            if name != SERVING or not is_batched(target, signature):
                raise _wrong_method("classification", "classify", signature)
            return self._job(
                call,
                target,
                name,
                "row",
                lambda: {IMAGES: examples.images(found, self._pictures(target))},
                is_batched=True,
            )

    def finish(self, job: RestJob) -> Reply:
        """Label and score of every class, for each example."""
        probabilities: npt.NDArray[np.float32] = job.outputs["probabilities"]
        return Reply(answer.results(probabilities, job.target.version.labels))


class Regress(_Rest):
    """The endpoint of `:regress`, which no model here can answer; it says so as TensorFlow Serving does."""

    method = "regress"

    def begin(self, call: Call) -> NoReturn:
        """:raise UnknownSignatureError: always, if nothing else is wrong."""
        target = self._router.target(addresses.parse(call.path).wanted(call.request_id))
        name = request.signature_name(request.document(call.body))
        raise _wrong_method(
            "regression", "regress", named_signature(target, name, "No signature was found with the name: {}")
        )

    def finish(self, _job: Any) -> NoReturn:
        raise AssertionError("no regression has ever begun")


def endpoints(settings: Settings, router: Router, clock: Callable[[], float]) -> tuple[Predict, Classify, Regress]:
    """All endpoints of this protocol, the busiest first."""
    return (
        Predict(settings, router, clock),
        Classify(settings, router, clock),
        Regress(settings, router, clock),
    )


def _wrong_method(kind: str, method: str, signature: Signature) -> UnknownSignatureError:
    return UnknownSignatureError(
        f"Expected {kind} signature method_name to be tensorflow/serving/{method}. Was: {signature.method_name}"
    )


@contextmanager
def _undisturbed(call: Call) -> Iterator[None]:
    if len(call.body) < _MANY_LISTS_BYTES:
        yield
    else:
        with garbage.paused():
            yield
