"""The reading threads and the checksum of a master."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from engine.errors import Cancelled, ImageError
from engine.runtime.io import IoPool, import_whole, sha256_of
from engine.types import Progress

SOON = 5.0


def test_checksum_is_that_of_the_whole_file_and_progress_ends_at_its_size(tmp_path: Path) -> None:
    data = bytes(range(256)) * 9_000  # 2.2 MiB: more than two pieces
    path = tmp_path / "scan.tif"
    path.write_bytes(data)
    seen: list[Progress] = []
    assert sha256_of(path, seen.append) == hashlib.sha256(data).hexdigest()
    assert [p.done for p in seen] == sorted({p.done for p in seen})
    assert len(seen) == 3
    assert seen[-1] == Progress(len(data), len(data), "scan.tif")


def test_empty_file_has_the_checksum_of_nothing(tmp_path: Path) -> None:
    path = tmp_path / "empty"
    path.touch()
    assert sha256_of(path) == hashlib.sha256().hexdigest()


def test_missing_file_and_folder_are_refused_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"^gone\.tif is not there any more; .*\.$"):
        sha256_of(tmp_path / "gone.tif")
    with pytest.raises(ImageError, match=r"is a folder|may not be read"):
        sha256_of(tmp_path)


def test_work_runs_on_two_named_threads() -> None:
    pool = IoPool()
    together = threading.Barrier(2)

    def name() -> str:
        together.wait(SOON)
        return threading.current_thread().name

    futures = [pool.submit(name) for _ in range(4)]
    assert {future.result(SOON) for future in futures} == {"io_0", "io_1"}
    pool.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("io_")]


def test_error_goes_to_the_future_and_the_pool_lives_on(tmp_path: Path) -> None:
    pool = IoPool()
    with pytest.raises(ImageError):
        pool.submit(sha256_of, tmp_path / "gone.tif").result(SOON)
    assert pool.submit(int, "7").result(SOON) == 7
    pool.close()


def test_close_stops_a_long_read_and_cancels_what_waits(tmp_path: Path) -> None:
    pool = IoPool()
    path = tmp_path / "big"
    path.write_bytes(bytes(5 << 20))
    reading, closing = threading.Event(), threading.Event()

    def check(progress: Progress) -> None:
        reading.set()
        assert closing.wait(SOON)
        while progress.done:  # the pool is told to close a moment after the event
            pool.check()

    reads = [pool.submit(sha256_of, path, check) for _ in range(2)]
    waiting = pool.submit(int, "7")
    assert reading.wait(SOON)
    closing.set()
    pool.close()
    assert [type(read.exception(SOON)) for read in reads] == [Cancelled, Cancelled]
    assert waiting.cancelled()
    assert pool.submit(int, "7").cancelled()


def test_runtime_needs_neither_torch_nor_qt() -> None:
    code = (
        "import sys, engine.runtime.worker, engine.runtime.io, engine.runtime.cache\n"
        "assert not {'torch', 'numpy', 'PySide6', 'pydantic'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=20)


def test_what_both_threads_need_is_prepared_once_and_before_anything_else() -> None:
    done: list[str] = []

    def prepare() -> None:
        time.sleep(0.05)
        done.append("prepared")

    pool = IoPool(prepare)
    try:
        for future in [pool.submit(done.append, "task") for _ in range(4)]:
            future.result(5)
    finally:
        pool.close()
    assert done == ["prepared", "task", "task", "task", "task"]


def test_a_pool_whose_beginning_fails_goes_on() -> None:
    def fails() -> None:
        raise ImportError("half a package")

    pool = IoPool(fails)
    try:
        assert [pool.submit(pow, 2, n).result(5) for n in range(3)] == [1, 2, 4]
    finally:
        pool.close()


def test_a_package_that_found_itself_unfinished_is_imported_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "halfbaked"
    package.mkdir()
    (package / "__init__.py").write_text("from halfbaked import part\nfrom halfbaked import late\n")
    (package / "part.py").write_text("loaded = object()\n")
    marker = tmp_path / "second"
    once = f"import pathlib\nmark = pathlib.Path({str(marker)!r})\n"
    (package / "late.py").write_text(
        once + "if not mark.exists():\n    mark.touch()\n    raise ImportError('from partially initialized module')\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    import_whole("halfbaked", "halfbaked")
    assert {"halfbaked", "halfbaked.part", "halfbaked.late"} <= set(sys.modules)
    for name in ("halfbaked.late", "halfbaked.part", "halfbaked"):
        del sys.modules[name]
    (package / "late.py").write_text("raise ImportError('always')\n")
    with pytest.raises(ImportError, match="always"):
        import_whole("halfbaked", "halfbaked")


def test_closing_waits_no_longer_than_it_is_told_for_a_read_that_hangs() -> None:
    pool, free = IoPool(), threading.Event()
    hanging = [pool.submit(free.wait, 10) for _ in range(2)]
    waiting = pool.submit(free.wait, 10)
    start = time.monotonic()
    assert not pool.close(0.1)
    assert time.monotonic() - start < 2
    assert waiting.cancelled()
    free.set()
    assert [one.result(5) for one in hanging] == [True, True]
    assert pool.close(5)
