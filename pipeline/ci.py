"""What a run of CI shows: JUnit's XML, and Markdown for a pull request."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from ..models.errors import EdgewiseError
from ..models.printable import printable
from ..runtime.judge.drop import Verdict
from .conversion import Conversion
from .gate import Gated
from .verify import VerifiedBundle

_MARKS = {"pass": "\N{WHITE HEAVY CHECK MARK}", "fail": "\N{CROSS MARK}"}


@dataclass(frozen=True, slots=True)
class Case:
    """One thing that was checked: of which model, the verdict in a word, the figures, and if it failed."""

    model: str
    name: str
    verdict: str
    text: str
    failed: bool = False


def cases(found: "Conversion | VerifiedBundle | Gated") -> list[Case]:
    """What was checked, in the order in which it is shown."""
    if isinstance(found, Gated):
        return [*_gated(found)]
    return [*(_verified(found) if isinstance(found, VerifiedBundle) else _converted(found))]


def failure(model: str, error: EdgewiseError) -> Case:
    """A command that ended with an error."""
    return Case(model, error.exit_name.replace("_", " "), "fail", str(error), failed=True)


def junit(title: str, found: Sequence[Case]) -> bytes:
    """A test suite with a test case for each."""
    suite = ET.Element(
        "testsuite", name=title, tests=str(len(found)), failures=str(sum(c.failed for c in found))
    )
    for case in found:
        element = ET.SubElement(suite, "testcase", classname=printable(case.model), name=printable(case.name))
        if case.failed:
            ET.SubElement(element, "failure", message=printable(case.text), type=case.verdict)
        ET.SubElement(element, "system-out").text = printable(f"{case.verdict}: {case.text}")
    suites = ET.Element("testsuites")
    suites.append(suite)
    ET.indent(suites)
    text: str = ET.tostring(suites, "unicode")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n'.encode("utf-8", "replace")


def summary(title: str, found: Sequence[Case]) -> str:
    """A heading and a table in Markdown."""
    failed = sum(case.failed for case in found)
    said = f"{failed} of {len(found)} checks failed" if failed else f"{len(found)} checks passed"
    lines = [f"### {_markdown(title)}: {said}", "", "| model | check | verdict | |", "|---|---|---|---|"]
    for case in found:
        mark = _MARKS["fail" if case.failed else "pass"] if case.verdict in _MARKS or case.failed else ""
        cells = (case.model, case.name, f"{mark} {case.verdict}".strip(), case.text)
        lines.append(f"| {' | '.join(map(_markdown, cells))} |")
    return "\n".join([*lines, ""])


def _markdown(text: str) -> str:
    """Text in one cell of a table, in which nothing is markup."""
    return "".join(f"\\{letter}" if letter in r"\`*_[]<>|#" else letter for letter in printable(text))


def _gated(found: Gated) -> Iterator[Case]:
    for check in found.checks:
        failed = check.verdict is Verdict.FAIL or (found.strict and check.verdict is not Verdict.PASS)
        yield Case(found.bundle.name, check.name, str(check.verdict), check.text, failed)


def _verified(found: VerifiedBundle) -> Iterator[Case]:
    name = found.bundle.folder.name
    yield Case(name, "golden sample", "pass", f"cosine with the original network {found.golden.cosine:.4f}")
    if found.verification is not None:
        judged = found.verification
        yield Case(name, "accuracy", str(judged.verdict), judged.reason(), not judged.passed)


def _converted(found: Conversion) -> Iterator[Case]:
    for product in found.products:
        judged = product.verification
        yield Case(product.title, "accuracy", str(judged.verdict), judged.reason(), not judged.passed)
        if product.latency.speedup is not None:
            ratio = product.latency.speedup
            low, high = ratio.interval.low, ratio.interval.high
            text = f"{ratio.ratio:.2f} times as fast as float ({low:.2f} to {high:.2f})"
            yield Case(product.title, "speed", str(product.latency.pace), text)
    for failed in found.failures:
        yield Case(failed.title, "export", "fail", failed.message, failed=True)
