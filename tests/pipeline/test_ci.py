"""JUnit's XML and Markdown."""

from pathlib import Path
from xml.etree import ElementTree as ET

import edgewise
from edgewise.pipeline.ci import Case, cases, failure, junit, summary

FOUND = [
    Case("tiny", "accuracy", "pass", "loses 0.1 points"),
    Case("tiny", "speed", "alike", "1.0 times"),
    Case("a|b <i>\x1b[31m", "size", "fail", "grew & grew", failed=True),
]


def test_a_suite_has_a_case_for_each() -> None:
    suite = ET.fromstring(junit("edgewise gate", FOUND)).find("testsuite")  # noqa: S314 - our own
    assert suite is not None
    assert (suite.get("name"), suite.get("tests"), suite.get("failures")) == ("edgewise gate", "3", "1")
    first, _, last = suite.findall("testcase")
    assert (first.get("classname"), first.get("name"), first.find("failure")) == ("tiny", "accuracy", None)
    wrong = last.find("failure")
    assert wrong is not None
    assert wrong.get("message") == "grew & grew"
    assert last.get("classname") == "a|b <i>\N{REPLACEMENT CHARACTER}[31m"


def test_a_summary_is_a_table() -> None:
    lines = summary("edgewise gate", FOUND).splitlines()
    assert lines[0] == "### edgewise gate: 1 of 3 checks failed"
    assert lines[4] == "| tiny | accuracy | \N{WHITE HEAVY CHECK MARK} pass | loses 0.1 points |"
    assert lines[5] == "| tiny | speed | alike | 1.0 times |"
    assert lines[6].startswith(r"| a\|b \<i\>")
    assert "\N{CROSS MARK} fail" in lines[6]
    assert summary("x", FOUND[:2]).splitlines()[0] == "### x: 2 checks passed"


def test_results_become_cases(tiny_bundle: Path) -> None:
    verified = cases(edgewise.verify(tiny_bundle))
    assert [(case.name, case.verdict, case.failed) for case in verified] == [
        ("golden sample", "pass", False),
        ("accuracy", "unproven", False),
    ]
    gated = cases(edgewise.gate(tiny_bundle, tiny_bundle, latency=False))
    assert [(case.model, case.name, case.verdict) for case in gated] == [
        (tiny_bundle.name, "SQNR", "pass"),
        (tiny_bundle.name, "size", "pass"),
    ]


def test_an_error_is_a_case() -> None:
    found = failure("tiny", edgewise.ParityError("differs"))
    assert found == Case("tiny", "parity gate", "fail", "differs", failed=True)
