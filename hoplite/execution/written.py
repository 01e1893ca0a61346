"""Reports and ends in the form in which they are written down as JSON."""

from __future__ import annotations

import msgspec

from hoplite.execution.protocol import Ended, Report

_NULL = msgspec.Raw(b"null")


class ReportFile(Report, frozen=True, kw_only=True):
    """A report as it is in the file."""

    # msgspec decodes Raw, but not what may be Raw or None.
    exception: msgspec.Raw = _NULL
    status: msgspec.Raw = _NULL
    childless: bool = False
    """The process had no children left when it wrote this, so there is nothing to clear up."""

    @classmethod
    def of(cls, report: Report, *, childless: bool) -> ReportFile:
        return cls(
            returned=report.returned,
            exit_code=report.exit_code,
            exception=report.exception or _NULL,
            status=report.status or _NULL,
            fault=report.fault,
            childless=childless,
        )

    def plain(self) -> Report:
        """The report, with None for what it does not hold."""
        return Report(
            returned=self.returned,
            exit_code=self.exit_code,
            exception=_or_none(self.exception),
            status=_or_none(self.status),
            fault=self.fault,
        )


class EndedFile(Ended, frozen=True, kw_only=True):
    """An :class:`~hoplite.execution.protocol.Ended` as it is read back from JSON."""

    report: ReportFile | None = None

    def plain(self) -> Ended:
        return msgspec.structs.replace(
            Ended(at=self.at),
            **{
                **msgspec.structs.asdict(self),
                "report": None if self.report is None else self.report.plain(),
            },
        )


def _or_none(text: msgspec.Raw) -> msgspec.Raw | None:
    return None if bytes(text) == b"null" else text
