"""`edgewise doctor`: what can be exported and run on this machine, and what to install otherwise."""

import click

from ..options import output


@click.command(short_help="Show what can be exported and run here.")
@click.option(
    "--deep",
    is_flag=True,
    help="Import every library, each in its own process, and look for cached weights; this takes a while.",
)
@output
def command(*, deep: bool, as_json: bool, quiet: bool, verbose: bool) -> None:
    """Show versions, the machine, what can be done for each target here, and what to install otherwise.

    It reads the metadata of installed packages, which does not show whether a library works: --deep does.
    """
    from ...pipeline.doctor import diagnose
    from ..terminal import terminal
    from ..views.doctor import show_diagnosis

    with terminal(as_json=as_json, quiet=quiet, verbose=verbose) as screen:
        found = diagnose(deep=deep, progress=screen)
        show_diagnosis(screen.results, found)
        screen.finish(found.to_json(), found.require)
