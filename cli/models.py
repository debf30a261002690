"""`edgewise models`: the networks that can be exported."""

import json
from dataclasses import asdict

import click


@click.command(short_help="List the networks.")
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout, and nothing else.")
def command(name: str | None, *, as_json: bool) -> None:
    """List the networks, or show the one called NAME."""
    from ..models.zoo import architectures, find

    rows = [find(name)] if name else list(architectures())
    if as_json:
        click.echo(json.dumps([asdict(row) for row in rows], indent=2))
        return
    for row in rows:
        click.echo(
            f"{row.name:16} {row.parameters / 1e6:6.1f} M parameters  {row.macs / 1e9:6.2f} GMACs  "
            f"top-1 {row.top1:.1f} %  {row.year}  arXiv {row.paper}"
        )
