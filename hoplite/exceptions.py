"""Every error of hoplite, in one tree.

::

    HopliteError
    ├── InvalidRequestError              400  the request cannot be understood
    │   ├── InvalidJsonError             400
    │   ├── InvalidFieldError            400  ``field`` names the part
    │   │   └── RequestSyntaxError       400  ``position`` says where in its text
    │   ├── NotEnoughResourcesError      400
    │   └── ReservationRefusedError      400
    ├── NotAuthenticatedError            401
    ├── NotAuthorizedError               403
    │   ├── AdmissionRuleFailedError     403
    │   ├── WrongApiKeyError             403
    │   └── ForeignOriginError           403
    ├── JobAlreadyStartedError           403
    ├── JobNotStartedError               403
    ├── JobEndedError                    403
    ├── ResourceInUseError               403
    ├── NotFoundError                    404
    │   ├── JobDoesNotExistError         404
    │   │   └── JobPluginDoesNotExistError 404
    │   ├── ResourceDoesNotExistError    404
    │   ├── RuleDoesNotExistError        404
    │   └── ResultDoesNotExistError      404
    ├── MethodNotAllowedError            405
    ├── NotAcceptableError               406
    ├── RequestTimedOutError             408
    ├── JobNotEndedError                 409
    ├── WrongJobStateError               409
    ├── SettingNotChangedError           409
    ├── LogRemovedError                  410
    ├── TooLargeError                    413
    ├── UnsupportedMediaTypeError        415
    ├── RangeNotSatisfiableError         416
    ├── IdempotencyConflictError         422
    ├── InternalServerError              500
    ├── UnavailableError                 503
    │   ├── TooManyStreamsError          503
    │   ├── ShuttingDownError            503
    │   └── StorageUnavailableError      503
    ├── StorageFullError                 507
    ├── SettingError                     the server does not start
    ├── JobPluginLoadError               raised in the job's process
    ├── RemoteCallError                  raised by remotify, on both sides
    │   └── VersionMismatchError         raised by remotify, on both sides
    ├── JobFailedError                   raised by clients
    │   └── JobKilledError               raised by clients
    ├── TimeoutError                     raised by clients
    ├── CredentialsError                 raised by clients
    └── ConnectionError                  raised by clients
        ├── HostNotFoundError            raised by clients
        ├── TlsError                     raised by clients
        └── NoAnswerError                raised by clients

Each class has a stable ``code`` and an HTTP status.  The server answers
``{"error": message, "code": code, "exception": class name}``, and a client turns that answer back
into the class with :func:`from_answer`.
"""

from __future__ import annotations

import builtins
from typing import Any, ClassVar, NoReturn

from hoplite.failure_record import failure_text, job_records, record, text


class HopliteError(Exception):
    """The root.  ``message`` says what was wrong, where, and what would be right."""

    code: ClassVar[str] = "error"
    http_status: ClassVar[int] = 500

    def __init__(self, message: str = "", *, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field

    def __str__(self) -> str:
        return self.message


class InvalidRequestError(HopliteError):
    """The request cannot be understood as a whole."""

    code = "invalid-request"
    http_status = 400


class InvalidJsonError(InvalidRequestError):
    """The body is not JSON, or not the kind of JSON value that is asked for."""

    code = "invalid-json"


class InvalidFieldError(InvalidRequestError):
    """One field is missing, of the wrong type or out of range; ``field`` names it."""

    code = "invalid-field"


class RequestSyntaxError(InvalidFieldError):
    """A resource request or a property filter cannot be read.

    ``position`` is the offset, from 0, of the character that is wrong; the message counts from 1.
    """

    code = "request-syntax"
    position: int = 0

    def __init__(self, message: str, *, field: str | None = None, position: int = 0) -> None:
        super().__init__(message, field=field)
        self.position = position


class NotEnoughResourcesError(InvalidRequestError):
    """The request asks for more than there is, even if nothing else ran."""

    code = "not-enough-resources"


class ReservationRefusedError(InvalidRequestError):
    """The resources are not free at that time; the message says when they could be."""

    code = "reservation-refused"


class NotAuthenticatedError(HopliteError):
    """Nobody knows who asks."""

    code = "not-authenticated"
    http_status = 401


class NotAuthorizedError(HopliteError):
    """The caller is known and may not do this."""

    code = "not-authorized"
    http_status = 403

    def __init__(self, message: str = "Not authorized", *, field: str | None = None) -> None:
        super().__init__(message, field=field)


class AdmissionRuleFailedError(NotAuthorizedError):
    """An admission rule could not be run to its end, so the job is refused; the message names the
    rule."""

    code = "admission-rule-failed"


class WrongApiKeyError(NotAuthorizedError):
    """The ``api_key`` is missing or is not the key of this job."""

    code = "wrong-api-key"


class ForeignOriginError(NotAuthorizedError):
    """A browser page from elsewhere, or a Host header that is not this server's."""

    code = "foreign-origin"


class JobAlreadyStartedError(HopliteError):
    """A job is started once."""

    code = "job-already-started"
    http_status = 403

    def __init__(self, uuid: str) -> None:
        super().__init__(f"Job UUID: {uuid} you cannot start a job more than once")


class JobNotStartedError(HopliteError):
    """Only a job that was started can be killed."""

    code = "job-not-started"
    http_status = 403

    def __init__(self, uuid: str) -> None:
        super().__init__(f"Job UUID: {uuid} has not been started")


class JobEndedError(HopliteError):
    """The job has ended: its status is final."""

    code = "job-ended"
    http_status = 403


class ResourceInUseError(HopliteError):
    """Only a resource that is Dead, and that no job holds any more, can be removed."""

    code = "resource-in-use"
    http_status = 403


class NotFoundError(HopliteError):
    """There is nothing at this address."""

    code = "not-found"
    http_status = 404


class JobDoesNotExistError(NotFoundError):
    """No job has this uuid or id."""

    code = "job-does-not-exist"

    def __init__(self, message: str = "The job does not exist") -> None:
        super().__init__(message)

    @classmethod
    def of(cls, ref: str) -> JobDoesNotExistError:
        """The error for a job named by uuid or id, in Hoplite 15's words."""
        return cls(f"Job with UUID: {ref} does not exist")


class JobPluginDoesNotExistError(JobDoesNotExistError):
    """No plugin of this name is installed, or it came after the last reload.

    It is a JobDoesNotExistError because that is what the client of Hoplite 15 raised.
    """

    code = "job-plugin-does-not-exist"

    def __init__(self, name: str) -> None:
        super().__init__(f"Job plugin '{name}' does not exist")
        self.field = "name"


class ResourceDoesNotExistError(NotFoundError):
    """No resource has this id, or no property this name."""

    code = "resource-does-not-exist"


class RuleDoesNotExistError(NotFoundError):
    """No admission rule has this id."""

    code = "rule-does-not-exist"


class ResultDoesNotExistError(NotFoundError):
    """The job has left no result file."""

    code = "result-does-not-exist"


class MethodNotAllowedError(HopliteError):
    """The address exists; the method does not apply to it."""

    code = "method-not-allowed"
    http_status = 405


class NotAcceptableError(HopliteError):
    """None of the formats that the caller accepts is on offer."""

    code = "not-acceptable"
    http_status = 406


class RequestTimedOutError(HopliteError):
    """The client took too long to send its request."""

    code = "request-timed-out"
    http_status = 408


class JobNotEndedError(HopliteError):
    """The job lives: kill it or wait for its end first."""

    code = "job-not-ended"
    http_status = 409


class WrongJobStateError(HopliteError):
    """What was asked for cannot be done to a job in its state; the message names both."""

    code = "wrong-job-state"
    http_status = 409


class SettingNotChangedError(HopliteError):
    """A setting cannot be changed in this server, or not now; the message says why."""

    code = "setting-not-changed"
    http_status = 409


class LogRemovedError(HopliteError):
    """A retention rule removed the log; the message names the rule."""

    code = "log-removed"
    http_status = 410


class TooLargeError(HopliteError):
    """A body, config or status over its limit."""

    code = "too-large"
    http_status = 413


class UnsupportedMediaTypeError(HopliteError):
    """The body's Content-Type is not one that the address reads."""

    code = "unsupported-media-type"
    http_status = 415


class RangeNotSatisfiableError(HopliteError):
    """The file has no such bytes."""

    code = "range-not-satisfiable"
    http_status = 416


class IdempotencyConflictError(HopliteError):
    """The same Idempotency-Key came with another body."""

    code = "idempotency-conflict"
    http_status = 422


class InternalServerError(HopliteError):
    """A defect of the server; its log has the details under the given request id."""

    code = "internal-server-error"
    http_status = 500


class UnavailableError(HopliteError):
    """Not now: try again after ``retry_after_s`` seconds."""

    code = "unavailable"
    http_status = 503
    retry_after_s: ClassVar[int] = 5


class TooManyStreamsError(UnavailableError):
    """All places for long polls and streams are taken."""

    code = "too-many-streams"


class ShuttingDownError(UnavailableError):
    """The server is stopping and takes no more work."""

    code = "shutting-down"


class StorageUnavailableError(UnavailableError):
    """The data directory cannot be written (read-only, gone, or an I/O error)."""

    code = "storage-unavailable"


class StorageFullError(HopliteError):
    """No space is left for what was sent; nothing of the request was kept."""

    code = "storage-full"
    http_status = 507
    retry_after_s: ClassVar[int] = 30


class SettingError(HopliteError):
    """A setting is unknown, ill-typed or contradicts another; ``field`` names it."""

    code = "invalid-setting"


class JobFailedError(HopliteError):
    """A job ended with an exception.

    ``previous_exception`` is the record in the job's status (see "When a job fails" in the docs),
    ``traceback_object`` its traceback record, ``status`` the job's whole status, ``outcome`` what
    became of the job.  ``addr`` and ``uuid`` say which job it was.
    """

    code = "job-failed"

    def __init__(
        self,
        address: str = "",
        uuid: str = "",
        traceback_object: Any = None,
        previous_exception: Any = None,
        *,
        status: dict[str, Any] | None = None,
        outcome: str = "failed",
    ) -> None:
        self.addr = address
        self.uuid = uuid
        self.traceback_object = traceback_object
        self.previous_exception = previous_exception
        self.status = status or {}
        self.outcome = outcome
        super().__init__(failure_text(address, uuid, traceback_object, previous_exception))

    @property
    def remote_type(self) -> str:
        """The qualified name of the class of the exception, or such a word as ``ProcessExited``."""
        return text(record(self.previous_exception).get("type"))

    @property
    def remote_message(self) -> str:
        """What the exception said."""
        return text(record(self.previous_exception).get("message"))

    @property
    def remote_traceback(self) -> str:
        """The traceback as text; empty if no exception was left behind."""
        return text(record(self.traceback_object).get("text"))

    @property
    def nested_jobs(self) -> list[JobFailedError]:
        """The failed jobs that this one failed of, the nearest first."""
        return [
            JobFailedError(
                text(inner.get("address")), text(inner.get("uuid")), inner.get("traceback"), inner
            )
            for inner in job_records(self.previous_exception)[1:]
        ]  # fmt: skip

    @property
    def root(self) -> JobFailedError:
        """The innermost of the failed jobs: this one, if it failed by itself."""
        return (self.nested_jobs or [self])[-1]

    def raise_remote_exception(self) -> NoReturn:
        """Raise the exception that was the root of it, if it is a built-in one; else this error.

        Nothing is unpickled: the exception is made anew from its name and message.
        """
        root = self.root
        cls = getattr(builtins, root.remote_type, None)
        if isinstance(cls, type) and issubclass(cls, Exception):
            try:
                original = cls(root.remote_message)
            except TypeError:  # it needs more than a message
                raise self from None
            raise original from self
        raise self


class JobKilledError(JobFailedError):
    """A job was killed or cancelled before it was done; the message has the reason."""

    code = "job-killed"

    def __init__(
        self,
        address: str = "",
        uuid: str = "",
        reason: str | None = None,
        *,
        status: dict[str, Any] | None = None,
        outcome: str = "killed",
    ) -> None:
        super().__init__(address, uuid, status=status, outcome=outcome)
        HopliteError.__init__(
            self, f"Job {uuid} on {address} was {outcome}" + (f": {reason}" if reason else "")
        )


class JobPluginLoadError(HopliteError):
    """The plugin's module cannot be imported, or has no ``run``."""

    code = "job-plugin-load"


class RemoteCallError(HopliteError):
    """A call by remotify cannot be made, or what it returned cannot come back."""

    code = "remote-call"


class VersionMismatchError(RemoteCallError):
    """The two sides of a call by remotify have different versions; the message names both."""

    code = "version-mismatch"


class TimeoutError(HopliteError):  # noqa: A001 - the name that programs for Hoplite 15 import
    """Waiting for a job, or for a server, took longer than the caller allowed; a job goes on."""

    code = "timeout"

    def __init__(self, uuid: str | int = 0, message: str = "") -> None:
        self.uuid = uuid
        super().__init__(message or f"Timed out waiting for job {uuid}")


class CredentialsError(HopliteError):
    """Kept credentials cannot be used: unreadable, of the wrong form, or open to others."""

    code = "credentials"


class ConnectionError(HopliteError):  # noqa: A001 - the name that programs for Hoplite 15 import
    """The server cannot be reached; ``addr`` is its address and the message has the reason."""

    code = "connection"

    def __init__(self, addr: str = "", reason: str = "") -> None:
        self.addr = addr
        super().__init__(f"Could not connect to {addr}" + (f": {reason}" if reason else ""))


class HostNotFoundError(ConnectionError):
    """The host's name cannot be resolved."""

    code = "host-not-found"


class TlsError(ConnectionError):
    """No secure connection: the certificate is not trusted, or the other end speaks no TLS."""

    code = "tls"


class NoAnswerError(ConnectionError):
    """The server took the request and did not answer in time, or hung up."""

    code = "no-answer"


def _tree(root: type[HopliteError]) -> dict[str, type[HopliteError]]:
    found = {root.code: root}
    for child in root.__subclasses__():
        found.update(_tree(child))
    return found


def by_code() -> dict[str, type[HopliteError]]:
    """Every class of the tree by its stable code."""
    return _tree(HopliteError)


def from_answer(code: str, message: str, *, field: str | None = None) -> HopliteError:
    """Rebuild the error that a server answered; an unknown code gives the root class."""
    cls = by_code().get(code, HopliteError)
    error = cls.__new__(cls)
    HopliteError.__init__(error, message, field=field)
    return error
