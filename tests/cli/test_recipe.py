"""The options of a training recipe."""

from dataclasses import fields

import click
from click.testing import CliRunner

from edgewise.cli.recipe import ABOUT, recipe
from edgewise.models.training.recipe import TrainingRecipe


def test_every_part_of_a_recipe_is_an_option_once() -> None:
    names = [name for group in ABOUT.values() for name in group]
    assert sorted(names) == sorted(field.name for field in fields(TrainingRecipe))


def test_options_have_the_types_of_the_fields_and_no_defaults_of_their_own() -> None:
    seen: dict[str, object] = {}

    @click.command()
    @recipe
    def command(**options: object) -> None:
        seen.update(options)

    given = ["--epochs", "3", "--learning-rate", "0.2", "--schedule", "step", "--balance", "--dropout", "0"]
    done = CliRunner().invoke(command, given)
    assert done.exit_code == 0, done.output
    assert {name: value for name, value in seen.items() if value is not None} == {
        "epochs": 3,
        "learning_rate": 0.2,
        "schedule": "step",
        "balance": True,
        "dropout": 0.0,
    }
    assert CliRunner().invoke(command, ["--schedule", "steps"]).exit_code == 2
