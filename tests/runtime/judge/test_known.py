"""What is known of a model."""

from edgewise.runtime.judge.known import Known


def test_a_class_without_a_name_has_its_number() -> None:
    assert [Known(("ant", "bee")).name(index) for index in range(3)] == ["ant", "bee", "class 2"]
