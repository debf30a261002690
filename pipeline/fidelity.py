"""Whether an INT8 file keeps as much of the float logits as INT8 must be able to keep.

What INT8 costs a network depends on the network, and is simulated in PyTorch while it is refined. A file far
below that, or far below the same network's file of another target, is wrong or its engine is, whatever the
accuracy gate says: a gate only asks whether the loss is small enough.
"""

from dataclasses import asdict, dataclass
from typing import Any

_FAR_DB = 10.0  # ten times the error
# Enough, whatever else is better: the simulation does not round inside operators such as a deviation, which
# files compute in several INT8 steps.
_ENOUGH_DB = 25.0


@dataclass(frozen=True, slots=True)
class Fidelity:
    """The SQNR of a file's logits in dB, beside what it should be; all on the same few calibration pictures.

    Each is a median over pictures. `simulated_db` is that of the network's simulated INT8 form, `other_db` of
    the best file of another target, `other`, in the same precision; None where there is none.
    """

    sqnr_db: float
    simulated_db: float | None = None
    other_db: float | None = None
    other: str | None = None

    @property
    def suspicious(self) -> bool:
        """Whether the file has more than ten times the error of its simulation or of another target."""
        return self.sqnr_db < _ENOUGH_DB and bool(self._better())

    def complaint(self) -> str:
        """What to tell the user where it is suspicious."""
        return (
            f"keeps less of the float logits than INT8 must: SQNR {self.sqnr_db:.1f} dB, and "
            f"{' and '.join(self._better())}. This is an error of edgewise or of the target's quantizer, not "
            "of your network; please report it"
        )

    def to_json(self) -> dict[str, Any]:
        """The manifest's section."""
        return asdict(self) | {"suspicious": self.suspicious}

    def _better(self) -> list[str]:
        beside = (self.simulated_db, "in the simulation of INT8"), (self.other_db, f"as {self.other}")
        return [
            f"{found:.1f} dB {what}"
            for found, what in beside
            if found is not None and found - self.sqnr_db > _FAR_DB
        ]
