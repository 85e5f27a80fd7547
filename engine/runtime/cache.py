"""A cache that forgets what was not used for longest once its bytes run out, and the names of what is cached elsewhere.

No torch: sizes are told, not guessed.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

from engine.runtime.io import Identity

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class CacheStatistics:
    """What a cache holds, and how often it helped since it was made."""

    entries: int
    nbytes: int
    limit: int
    hits: int
    misses: int
    evictions: int


class ByteCache(Generic[K, V]):
    """Holds at most `limit` bytes. Usable from any thread; values are released outside the lock."""

    def __init__(self, limit: int) -> None:
        if limit < 0:
            raise ValueError(f"A cache cannot hold {limit} bytes.")
        self._limit = limit
        self._lock = threading.Lock()
        self._entries: OrderedDict[K, tuple[V, int]] = OrderedDict()
        self._nbytes = self._hits = self._misses = self._evictions = 0

    def get(self, key: K) -> V | None:
        """The value, which now counts as just used; None where there is none."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                self._misses += 1
                return None
            self._hits += 1
            self._entries.move_to_end(key)
            return entry[0]

    def put(self, key: K, value: V, nbytes: int) -> None:
        """Keeps a value of `nbytes` bytes in place of an older one; one larger than the whole cache is not kept."""
        if nbytes < 0:
            raise ValueError(f"A value cannot have {nbytes} bytes.")
        released: list[tuple[V, int]] = []
        with self._lock:
            if key in self._entries:
                released.append(self._take_out(key))
            if nbytes <= self._limit:
                self._entries[key] = (value, nbytes)
                self._nbytes += nbytes
                while self._nbytes > self._limit:
                    released.append(self._take_out(next(iter(self._entries))))
                    self._evictions += 1

    def discard(self, predicate: Callable[[K], bool]) -> int:
        """Forgets every entry whose key the predicate accepts; returns how many."""
        with self._lock:
            released = [self._take_out(key) for key in [key for key in self._entries if predicate(key)]]
        return len(released)

    def clear(self) -> None:
        """Forgets everything; the statistics go on counting."""
        self.discard(lambda _: True)

    @property
    def statistics(self) -> CacheStatistics:
        """What the cache holds now and how often it helped."""
        with self._lock:
            return CacheStatistics(
                len(self._entries), self._nbytes, self._limit, self._hits, self._misses, self._evictions
            )

    def _take_out(self, key: K) -> tuple[V, int]:
        entry = self._entries.pop(key)
        self._nbytes -= entry[1]
        return entry


class CacheNames:
    """Under which name results of a master are cached, so that those of another file at its place never pass for it.

    A master is known by the SHA-256 that was recorded of it, and is shown before all its bytes have been read again.
    Not for several threads.
    """

    def __init__(self, forget: Callable[[str], None]) -> None:
        """`forget(name)` drops what is cached under a name."""
        self._forget = forget
        self._last: dict[str, Identity] = {}  # the file whose results were last to go by a name
        self._mixed: set[str] = set()  # names by which results of several files went
        self._proven: dict[str, set[Identity]] = {}  # by SHA-256: files whose every byte was read

    def name(self, sha256: str, identity: Identity | None) -> str:
        """What results of the file go by: the hash, unless the hash is known to be another file's."""
        if identity is None:
            return sha256
        name = sha256 if identity in self._proven.get(sha256, {identity}) else f"{sha256}, another file"
        if self._last.setdefault(name, identity) != identity:
            self._last[name] = identity
            self._mixed.add(name)  # work that has begun with the file before may still add to it
            self._forget(name)
        return name

    def prove(self, sha256: str, identity: Identity) -> None:
        """The file has that hash; from now on only results of such files go by it. Nothing may be under way that was
        named before and is not this file's."""
        if sha256 in self._mixed or self._last.get(sha256, identity) != identity:
            self._mixed.discard(sha256)
            self._forget(sha256)
        self._last[sha256] = identity
        self._proven.setdefault(sha256, set()).add(identity)
