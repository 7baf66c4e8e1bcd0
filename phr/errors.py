"""Every error a caller can act on: a stable kebab-case code, an HTTP status, and where in the input it lies."""

from __future__ import annotations

from typing import ClassVar


class PhrError(Exception):
    """One thing that went wrong, in words for a person and a code for a program.

    ``pointer`` is an RFC 6901 JSON pointer to the field at fault, empty where no field is.
    """

    code: ClassVar[str] = "internal-error"
    status: ClassVar[int] = 500

    def __init__(self, detail: str, pointer: str = "") -> None:
        super().__init__(detail)
        self.detail = detail
        self.pointer = pointer


class InputInvalid(PhrError):
    """The request does not have the shape or the values it must have."""

    code = "input-invalid"
    status = 400


class PayloadUnreadable(PhrError):
    """The bytes are not a payload of the format they claim to be."""

    code = "payload-unreadable"
    status = 400


class PayloadTooLarge(PhrError):
    code = "payload-too-large"
    status = 413


class NotAuthenticated(PhrError):
    code = "not-authenticated"
    status = 401


class AccessDenied(PhrError):
    """The caller is known and may not do this."""

    code = "access-denied"
    status = 403


class NotFound(PhrError):
    code = "not-found"
    status = 404


class AlreadyThere(PhrError):
    """Something with this name exists and is another thing."""

    code = "already-there"
    status = 409


class VersionConflict(PhrError):
    """The thing changed since the caller read it (If-Match)."""

    code = "version-conflict"
    status = 412


class TooManyTries(PhrError):
    """Something that can be guessed was tried too often."""

    code = "too-many-tries"
    status = 429

    def __init__(self, detail: str, retry_after_s: int) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class DataFileInvalid(PhrError):
    """A data file of the project (metrics, rules, scopes) contradicts itself; the start stops and names it."""

    code = "data-file-invalid"


class SettingInvalid(PhrError):
    """A PHR_* setting is missing or can't be what it says; the start stops and names it."""

    code = "setting-invalid"


class ServerUnavailable(PhrError):
    """A server this process needs (database, broker) can't be reached or can't be started."""

    code = "server-unavailable"
    status = 503
