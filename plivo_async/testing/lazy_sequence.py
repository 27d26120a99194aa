"""A sequence whose members are made when they are asked for."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import overload


class LazySequence(Sequence[str]):
    """A Sequence out of `__len__` and `at`; a slice is a tuple."""

    __slots__ = ()

    @abstractmethod
    def at(self, index: int) -> str:
        """The member at an index from 0 to below the length."""

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[str, ...]: ...
    def __getitem__(self, index: int | slice) -> str | tuple[str, ...]:
        chosen = range(len(self))[index]
        return self.at(chosen) if isinstance(chosen, int) else tuple(map(self.at, chosen))

    def __iter__(self) -> Iterator[str]:
        return map(self.at, range(len(self)))
