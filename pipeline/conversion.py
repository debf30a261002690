"""The result of a conversion: what was written, and what was not."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..models.errors import PrecisionError
from ..runtime.bundle import Bundle
from .document import document
from .failures import Failure, most_severe
from .product import Product


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Conversion:
    """The result of `convert`: a product for each target and precision, each in its bundle.

    `seconds` has the wall time of each stage by its title; `notices` is what the user was told meanwhile.
    `failures` are the files that were asked for and not written.
    """

    products: tuple[Product, ...]
    notices: tuple[str, ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)
    failures: tuple[Failure, ...] = ()

    @property
    def bundles(self) -> tuple[Bundle, ...]:
        """The bundles that were written."""
        return tuple(product.bundle for product in self.products)

    @property
    def passed(self) -> bool:
        """Whether nothing failed, and no product was forced through the accuracy gate."""
        return not self.failures and all(product.passed for product in self.products)

    @property
    def as_requested(self) -> bool:
        """Whether every product has the precision that was asked for, none another by recovery."""
        return all(product.as_requested for product in self.products)

    def require_written(self) -> None:
        """Raise the most severe error of the failures; its `conversion` is this result."""
        if self.failures:
            error = most_severe(self.failures, [product.title for product in self.products])
            error.conversion = self
            raise error

    def require(self) -> None:
        """Raise as `require_written`, or a `PrecisionError` if recovery gave a product another precision."""
        self.require_written()
        for product in self.products:
            if not product.as_requested:
                raise PrecisionError(
                    f"{product.target}: passed its gate as {product.precision}, not as {product.requested}; "
                    f"{product.bundle.folder} holds that model"
                )

    def __repr__(self) -> str:
        return "\n".join(map(repr, self.products))

    def to_json(self) -> dict[str, Any]:
        """The document `conversion`."""
        return document(
            "conversion",
            as_requested=self.as_requested,
            bundles=[product.to_json() for product in self.products],
            failures=[failure.to_json() for failure in self.failures],
            notices=list(self.notices),
            seconds={title: round(spent, 3) for title, spent in self.seconds.items()},
        )
