from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.imaging.tiles import plan, tiles_touching
from engine.types import Region

sizes = st.integers(1, 300)
cores = st.integers(1, 120)
halos = st.integers(0, 60)
multiples = st.sampled_from([1, 2, 8, 16])


@given(width=sizes, height=sizes, core=cores.filter(lambda n: n > 8), halo=halos, multiple=multiples)
def test_cores_cover_every_pixel_exactly_once(width: int, height: int, core: int, halo: int, multiple: int) -> None:
    covered = np.zeros((height, width), np.uint8)
    for tile in plan(width, height, core, halo, multiple):
        covered[tile.core.y : tile.core.bottom, tile.core.x : tile.core.right] += 1
    assert (covered == 1).all()


@given(width=sizes, height=sizes, core=cores.filter(lambda n: n > 8), halo=halos, multiple=multiples)
def test_a_tile_sees_its_whole_halo_or_the_edge(width: int, height: int, core: int, halo: int, multiple: int) -> None:
    for tile in plan(width, height, core, halo, multiple):
        seen, own = tile.padded, tile.core
        assert seen.x % multiple == seen.y % multiple == 0
        assert own.x - seen.x >= min(halo, own.x)
        assert own.y - seen.y >= min(halo, own.y)
        assert seen.right - own.right >= min(halo, width - own.right)
        assert seen.bottom - own.bottom >= min(halo, height - own.bottom)
        assert Region(0, 0, width, height).intersect(seen) == seen
        assert (tile.inner.x + seen.x, tile.inner.y + seen.y) == (own.x, own.y)


@given(
    width=sizes, height=sizes, x=st.integers(-50, 300), y=st.integers(-50, 300), w=st.integers(0, 200),
    h=st.integers(0, 200),
)  # fmt: skip
@settings(max_examples=60)
def test_touching_tiles_are_those_whose_core_is_needed(width: int, height: int, x: int, y: int, w: int, h: int) -> None:
    tiles, region = plan(width, height, 64, 16, 8), Region(x, y, w, h)
    inside = region.intersect(Region(0, 0, width, height))
    touching = tiles_touching(tiles, region)
    assert sum(p.width * p.height for p in (tile.core.intersect(region) for tile in touching)) == (
        inside.width * inside.height
    )
    for tile in touching:
        part = tile.core.intersect(region)
        assert part.width * part.height > 0


def test_the_grid_does_not_depend_on_what_is_asked() -> None:
    tiles = plan(1000, 700, 256, 64, 8)
    assert [tile.core.x % 256 for tile in tiles] == [0] * len(tiles)
    assert set(tiles_touching(tiles, Region(300, 300, 10, 10))) <= set(tiles)
    assert len(tiles_touching(tiles, Region(300, 300, 10, 10))) == 1


@pytest.mark.parametrize("bad", [(0, 5, 8, 0, 1), (5, 0, 8, 0, 1), (5, 5, 0, 0, 1), (5, 5, 8, -1, 1), (5, 5, 8, 0, 0)])
def test_a_grid_that_cannot_be_is_refused(bad: tuple[int, int, int, int, int]) -> None:
    with pytest.raises(ValueError, match="no tiles"):
        plan(*bad)
