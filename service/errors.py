"""Every way a request can fail, and the status it gets.

A request flows  read → parse → decode → prepare → queue → inference → write,  and fails at one arrow:

    ServiceError                        status  type
    ├── InputError
    │   ├── MalformedRequestError         400   malformed_request      parse: not JSON, no parts, bad base64
    │   ├── InvalidParameterError         400   invalid_parameter      parse: ?top_k=many
    │   ├── UndecodablePictureError       400   undecodable_picture    decode: truncated, not a picture
    │   ├── PayloadTooLargeError          413   payload_too_large      read/decode: bytes, pixels, pictures
    │   ├── UnsupportedMediaTypeError     415   unsupported_media_type parse/decode: a type that is not accepted
    │   ├── WrongShapeError               422   wrong_shape            parse: an array that is no picture
    │   ├── BlankPictureError             422   blank_picture          prepare: nothing on it to read
    │   ├── UnknownSignatureError         400   unknown_signature      parse: the model has no such function
    │   └── NotApplicableError            422   not_applicable         this model cannot do what is asked
    ├── UnauthorizedError                 401   unauthorized           no key, or one that is not known
    ├── ForbiddenError                    403   forbidden              a key that does not open this
    ├── NotFoundError                     404   not_found              no such URL
    │   ├── UnknownModelError             404   unknown_model
    │   ├── UnknownVersionError           404   unknown_version
    │   ├── UnknownLayerError             404   unknown_layer
    │   └── UnknownLabelError             404   unknown_label
    ├── MethodNotAllowedError             405   method_not_allowed
    ├── LoadFailedError                   409   load_failed            no version of the model can be served
    ├── QueueFullError                    429   queue_full             queue: try again after Retry-After
    ├── RateLimitedError                  429   rate_limited           this key has asked too often
    ├── InternalError                     500   internal_error         ours; nothing internal is echoed
    ├── NotReadyError                     503   not_ready              queue: no engine; Retry-After
    └── DeadlineExceededError             504   deadline_exceeded      queue/inference: too late to be of use

`document()` is the one shape in which every native route answers an error.
"""

from __future__ import annotations

from typing import Any, ClassVar


class ServiceError(Exception):
    """A failure with a status and a stable `type`.

    `message` is written for the caller. `field` names the part of the input at fault (`"images[3]"`, `"top_k"`,
    `"body"`), where there is one. `retry_after_seconds` becomes the `Retry-After` header.
    """

    status: ClassVar[int] = 500
    type: ClassVar[str] = "internal_error"

    def __init__(self, message: str, *, field: str | None = None, retry_after_seconds: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.retry_after_seconds = retry_after_seconds

    def at(self, field: str) -> ServiceError:
        """The same error with the part at fault named; code below HTTP does not know which picture it was given."""
        self.field = field
        return self

    def document(self, request_id: str | None = None) -> dict[str, Any]:
        """`{"error": {...}}`; absent parts are left out."""
        error: dict[str, Any] = {"type": self.type, "message": self.message}
        if self.field is not None:
            error["field"] = self.field
        if request_id is not None:
            error["request_id"] = request_id
        return {"error": error}


class InputError(ServiceError):
    """The caller can mend it."""

    status = 400


class MalformedRequestError(InputError):
    type = "malformed_request"


class InvalidParameterError(InputError):
    type = "invalid_parameter"


class UndecodablePictureError(InputError):
    type = "undecodable_picture"


class PayloadTooLargeError(InputError):
    status = 413
    type = "payload_too_large"


class UnsupportedMediaTypeError(InputError):
    status = 415
    type = "unsupported_media_type"


class WrongShapeError(InputError):
    status = 422
    type = "wrong_shape"


class BlankPictureError(InputError):
    status = 422
    type = "blank_picture"


class UnknownSignatureError(InputError):
    type = "unknown_signature"


class NotApplicableError(InputError):
    status = 422
    type = "not_applicable"


class UnauthorizedError(ServiceError):
    status = 401
    type = "unauthorized"


class ForbiddenError(ServiceError):
    status = 403
    type = "forbidden"


class NotFoundError(ServiceError):
    status = 404
    type = "not_found"


class UnknownModelError(NotFoundError):
    type = "unknown_model"


class UnknownVersionError(NotFoundError):
    type = "unknown_version"


class UnknownLayerError(NotFoundError):
    type = "unknown_layer"


class UnknownLabelError(NotFoundError):
    type = "unknown_label"


class MethodNotAllowedError(ServiceError):
    status = 405
    type = "method_not_allowed"


class QueueFullError(ServiceError):
    status = 429
    type = "queue_full"


class LoadFailedError(ServiceError):
    status = 409
    type = "load_failed"


class RateLimitedError(ServiceError):
    status = 429
    type = "rate_limited"


class InternalError(ServiceError):
    pass


class NotReadyError(ServiceError):
    status = 503
    type = "not_ready"


class DeadlineExceededError(ServiceError):
    status = 504
    type = "deadline_exceeded"
