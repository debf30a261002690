"""JSON documents: what every result becomes, under a name and a version that readers can rely on."""

from typing import Any

# Fields are added without a new version; one that changes its meaning or disappears raises it.
VERSIONS = {
    "android": 1,
    "bench": 1,
    "comparison": 1,
    "conversion": 1,
    "data": 1,
    "data-made": 1,
    "demo": 1,
    "device-check": 1,
    "device-setup": 1,
    "doctor": 1,
    "ensemble": 1,
    "gate": 1,
    "inspection": 1,
    "measured": 1,
    "network": 1,
    "networks": 1,
    "prediction": 1,
    "recommendation": 1,
    "report": 1,
    "record": 1,
    "results": 1,
    "results-compared": 1,
    "run": 1,
    "sweep": 1,
    "sweep-cache": 1,
    "training": 1,
    "verification": 1,
}


def document(name: str, **content: Any) -> dict[str, Any]:
    """`content` as the document called `name`, which `docs/schemas/NAME.schema.json` describes."""
    return {"schema": f"edgewise.{name}", "schema_version": VERSIONS[name], **content}
