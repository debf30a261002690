"""A bundle becomes the assets of an Android app, for `edgewise android` and `edgewise export --android`."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape

from ...models.errors import UsageError
from ...pipeline.verify import verify
from ...runtime import android
from ...runtime.bundle import Bundle
from ...runtime.bundle.atomic import MANIFEST
from ...runtime.judge.golden import GoldenCheck
from ...runtime.judge.verdict import Basis, Verification
from ..terminal import Terminal

if TYPE_CHECKING:
    from ...pipeline.conversion import Conversion
    from ...pipeline.request import ConvertRequest

_CLASSES = 6  # names on the screen


def refuse(request: "ConvertRequest", assets: Path) -> None:
    """Refuse early what could not become the assets of an app.

    Raises:
        UsageError: no model for the app, or several, are asked for, or `assets` cannot be written to.
    """
    if android.TARGET not in request.targets:
        raise UsageError(f"--android needs {android.TARGET}, which the app runs; add it to --to")
    if len(request.precisions) > 1:
        raise UsageError(
            "--android takes one model; pass one --precision, or run `edgewise android` afterwards"
        )
    if request.force:
        raise UsageError(
            "--force may write a model that fails its gate, which --android does not take; omit one of them"
        )
    android.place(assets)


def of_conversion(conversion: "Conversion") -> Bundle | None:
    """The one bundle of a conversion that an app can take; None if it failed."""
    return next((bundle for bundle in conversion.bundles if bundle.target == android.TARGET), None)


def fill(bundle: Bundle, assets: Path, screen: Terminal) -> dict[str, Any]:
    """Write a bundle that was judged just now into `assets` and show it; the JSON document of that."""
    android.place(assets)
    with screen.stage("Run the golden sample"):
        check = android.check(bundle)
    return _written(bundle, assets, screen, check, None)


def judge_and_fill(bundle: Bundle, assets: Path, data: Path | None, screen: Terminal) -> dict[str, Any]:
    """Prove a bundle again, as `edgewise verify` does, then do what `fill` does.

    Raises:
        AccuracyError: it failed its gate when it was exported, or fails it here.
    """
    android.place(assets)
    android.require_fit(bundle)
    found = verify(bundle, data=data, progress=screen)
    found.require()
    return _written(bundle, assets, screen, found.golden, found.verification)


def _written(
    bundle: Bundle, assets: Path, screen: Terminal, check: GoldenCheck, judged: Verification | None
) -> dict[str, Any]:
    with screen.stage("Write the app's assets"):
        written = android.write(bundle, assets)
    size_bytes = _size_bytes(written)
    _show(screen.results, written, check, judged, size_bytes)
    return {
        "assets": str(written.folder),
        "bundle": str(bundle.folder),
        "files": len(written.manifest["files"]) + 1,
        "size_bytes": size_bytes,
        "golden": asdict(check),
        "verification": judged.to_json() if judged else None,
        "manifest": written.manifest,
    }


def _size_bytes(bundle: Bundle) -> int:
    """Of all files in the folder."""
    files = sum(entry["size_bytes"] for entry in bundle.manifest["files"].values())
    return int(files) + (bundle.folder / MANIFEST).stat().st_size


def _show(
    console: Console, bundle: Bundle, check: GoldenCheck, judged: Verification | None, size_bytes: int
) -> None:
    """What the app gets, where it is, and what to do next."""
    rows = {
        "model": _model(bundle),
        "classes": _classes(bundle.spec.labels.names),
        "pictures": bundle.spec.preprocess.text,
        "inputs and outputs": bundle.io,
        "golden sample": "exact" if check.max_rel == 0 else f"relative difference {check.max_rel:.1e}",
        **_verdicts(bundle, judged),
        "assets": f"{len(bundle.manifest['files']) + 1} files, {_megabytes(size_bytes)}",
    }
    console.print()
    for heading, value in rows.items():
        console.print(f"[dim]{heading:18}[/]   {escape(value)}", soft_wrap=True)
    console.print(f"{escape(str(bundle.folder))}/", soft_wrap=True)
    console.print("[dim]next: build and start the app; its self-test runs this golden sample there[/]")


def _verdicts(bundle: Bundle, judged: Verification | None) -> dict[str, str]:
    """What was judged again, and what was only read."""
    if judged is None:
        return {}
    recorded = (bundle.verification or {}).get("verdict")
    rows = {"judged here": f"{judged.title}: {judged.reason()}"}
    if recorded and judged.basis is Basis.FIDELITY:
        rows["only read"] = f"the manifest's verdict, {recorded.upper()}; --data DIR measures it again"
    return rows


def _model(bundle: Bundle) -> str:
    files = bundle.manifest["files"]
    own = _megabytes(files[bundle.model.name]["size_bytes"])
    twin = bundle.reference and _megabytes(files[bundle.reference.name]["size_bytes"])
    return f"{bundle.name} {bundle.precision}, {own}{f'; its float model, {twin}' if twin else ''}"


def _classes(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - _CLASSES:,} more" if len(names) > _CLASSES else ""
    return f"{len(names):,}: {', '.join(names[:_CLASSES])}{more}"


def _megabytes(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:.2f} MB"
