"""The byte-bounded cache against a plain model of one."""

from __future__ import annotations

import threading
from collections import OrderedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.runtime.cache import ByteCache, CacheNames, CacheStatistics

LIMIT = 10


def test_least_recently_used_is_forgotten_first() -> None:
    cache: ByteCache[str, int] = ByteCache(LIMIT)
    for number, key in enumerate("abc"):
        cache.put(key, number, 3)
    assert cache.get("a") == 0
    cache.put("d", 3, 3)
    assert [cache.get(key) for key in "abcd"] == [0, None, 2, 3]
    assert cache.statistics == CacheStatistics(entries=3, nbytes=9, limit=LIMIT, hits=4, misses=1, evictions=1)


def test_value_larger_than_the_cache_is_not_kept_and_replaces_the_old_one() -> None:
    cache: ByteCache[str, int] = ByteCache(LIMIT)
    cache.put("a", 1, 5)
    cache.put("b", 2, 5)
    cache.put("a", 3, LIMIT + 1)
    assert cache.get("a") is None
    assert cache.get("b") == 2


def test_discard_forgets_by_key_and_frees_the_bytes() -> None:
    cache: ByteCache[tuple[str, int], int] = ByteCache(LIMIT)
    for stage in range(3):
        cache.put(("old image", stage), stage, 2)
    cache.put(("new image", 0), 0, 2)
    assert cache.discard(lambda key: key[0] == "old image") == 3
    assert cache.statistics.nbytes == 2
    cache.clear()
    assert cache.statistics.entries == cache.statistics.nbytes == 0


def test_negative_sizes_are_refused() -> None:
    cache: ByteCache[str, int] = ByteCache(LIMIT)
    with pytest.raises(ValueError, match="-1 bytes"):
        cache.put("a", 1, -1)
    with pytest.raises(ValueError, match="-1 bytes"):
        ByteCache(-1)


def test_value_may_use_the_cache_while_it_is_released() -> None:
    class Talkative:
        def __del__(self) -> None:
            cache.put("last words", None, 1)

    cache: ByteCache[str, object] = ByteCache(LIMIT)
    cache.put("a", Talkative(), LIMIT)
    cache.put("b", 1, LIMIT - 1)
    assert cache.statistics.entries == 2


@given(st.lists(st.tuples(st.sampled_from(["put", "get", "discard"]), st.integers(0, 5), st.integers(0, LIMIT + 2))))
def test_cache_behaves_like_its_model(actions: list[tuple[str, int, int]]) -> None:
    cache: ByteCache[int, int] = ByteCache(LIMIT)
    model: OrderedDict[int, int] = OrderedDict()
    for action, key, nbytes in actions:
        if action == "put":
            cache.put(key, nbytes, nbytes)
            model.pop(key, None)
            if nbytes <= LIMIT:
                model[key] = nbytes
            while sum(model.values()) > LIMIT:
                model.popitem(last=False)
        elif action == "get":
            assert cache.get(key) == model.get(key)
            if key in model:
                model.move_to_end(key)
        else:
            chosen = [k for k in model if k >= key]
            assert cache.discard(key.__le__) == len(chosen)
            for k in chosen:
                del model[k]
        assert cache.statistics.nbytes == sum(model.values()) <= LIMIT
        assert cache.statistics.entries == len(model)


def test_threads_do_not_lose_count() -> None:
    cache: ByteCache[int, int] = ByteCache(50)

    def use(start: int) -> None:
        for number in range(start, start + 2_000):
            cache.put(number % 97, number, number % 7)
            cache.get(number % 89)

    threads = [threading.Thread(target=use, args=(start,)) for start in (0, 31, 62)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert cache.statistics.hits + cache.statistics.misses == 6_000
    assert 0 <= cache.statistics.nbytes <= 50
    cache.clear()
    assert cache.statistics.nbytes == 0


def test_results_of_another_file_do_not_go_by_a_hash_that_was_proven() -> None:
    forgotten: list[str] = []
    names, master, other = CacheNames(forgotten.append), (1, 1, 1, 1), (1, 2, 2, 1)
    assert names.name("a", master) == "a"
    names.prove("a", master)
    assert names.name("a", other) == "a, another file"
    assert names.name("a", master) == "a"
    assert forgotten == []
    names.prove("a", other)  # the same bytes, copied back
    assert {names.name("a", master), names.name("a", other), names.name("a", None)} == {"a"}


def test_what_several_files_may_have_left_under_a_hash_is_forgotten_once_it_is_proven() -> None:
    forgotten: list[str] = []
    names, master, other = CacheNames(forgotten.append), (1, 1, 1, 1), (1, 2, 2, 1)
    names.name("a", other)
    names.name("a", master)
    assert forgotten == ["a"]
    names.prove("a", master)  # work on the other one may have ended meanwhile
    assert forgotten == ["a", "a"]
    names.name("b", other)
    names.prove("b", master)
    names.prove("b", master)
    assert forgotten == ["a", "a", "b"]
