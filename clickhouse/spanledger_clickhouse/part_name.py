"""What the name of a part of a table says: partition_first_last_level, and _mutation where there was one."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["PartName"]


class PartName(NamedTuple):
    """The name of a part, in its pieces.

    Attributes:
        partition: The partition that its rows are of.
        first: Number of the first block in it.
        last: Number of the last.
        level: How many merges made it; 0 of what was inserted as it is.
        mutation: Number of the newest mutation that its rows went through; 0 where there was none.
    """

    partition: str
    first: int
    last: int
    level: int
    mutation: int = 0

    @classmethod
    def of(cls, name: str) -> PartName:
        """Take a name to pieces.

        Raises:
            ValueError: It is no name of a part.
        """
        partition, *numbers = name.split("_")
        first, last, level, *mutation = map(int, numbers)
        return cls(partition, first, last, level, *mutation)
