"""A web export answers what a IIIF viewer asks, from a web server that knows nothing but files."""

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from engine.errors import Cancelled
from engine.export.iiif import address_of, info, is_iiif, scale_factors, sizes, write_iiif
from engine.imaging.libvips import pyvips

# In a process of its own, since tests reach no network, not even this machine's. Answers with [status, type, w, h].
_SERVER = """
import functools, http.server, io, json, sys, threading, urllib.error, urllib.request
from PIL import Image
handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=sys.argv[1])
handler.log_message = lambda *_: None
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
answers = {}
for path in json.loads(sys.argv[2]):
    try:
        url = f"http://127.0.0.1:{server.server_port}/{path}"
        with urllib.request.urlopen(url, timeout=10) as answer:
            body, kind = answer.read(), answer.headers["Content-Type"]
            size = Image.open(io.BytesIO(body)).size if kind == "image/jpeg" else json.loads(body)
            answers[path] = [answer.status, kind, size]
    except urllib.error.HTTPError as error:
        answers[path] = [error.code, "", None]
server.shutdown()
print(json.dumps(answers))
"""


def served(folder: Path, paths: list[str]) -> dict[str, list[Any]]:
    done = subprocess.run(
        [sys.executable, "-c", _SERVER, str(folder), json.dumps(paths)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    answers: dict[str, list[Any]] = json.loads(done.stdout)
    return answers


def picture(width: int, height: int) -> Any:
    down, across = np.mgrid[:height, :width]
    return np.stack([across % 256, down % 256, (across + down) % 256], axis=2).astype(np.uint8)


def exported(root: Path, width: int, height: int, tile: int = 256) -> Path:
    folder = root / "harbour"
    folder.mkdir()
    pixels = picture(width, height)
    write_iiif(
        folder,
        pyvips.Image.new_from_array(pixels),
        address=address_of("http://localhost:8000", folder.name),
        tile=tile,
        quality=90,
        write_full=lambda path: Image.fromarray(pixels).save(path, "JPEG"),
    )
    return folder


def test_a_viewer_s_requests_are_answered_by_a_static_server(tmp_path: Path) -> None:
    exported(tmp_path, 1701, 1303)
    asked = {
        "harbour/info.json": None,
        "harbour/0,0,256,256/256,256/0/default.jpg": [256, 256],
        "harbour/1536,1280,165,23/165,23/0/default.jpg": [165, 23],
        "harbour/1536,1024,165,279/83,140/0/default.jpg": [83, 140],
        "harbour/full/213,163/0/default.jpg": [213, 163],
        "harbour/full/851,652/0/default.jpg": [851, 652],
        "harbour/full/max/0/default.jpg": [1701, 1303],
    }
    answers = served(tmp_path, [*asked, "harbour/full/17,13/0/default.jpg"])
    for path, size in asked.items():
        status, kind, got = answers[path]
        assert (status, kind) == (200, "application/json" if size is None else "image/jpeg"), path
        assert size is None or got == size, path
    assert answers["harbour/full/17,13/0/default.jpg"][0] == 404, "a server of files knows only what is there"
    told = answers["harbour/info.json"][2]
    assert told["id"] == "http://localhost:8000/harbour"
    assert (told["profile"], told["type"], told["width"], told["height"]) == ("level0", "ImageService3", 1701, 1303)
    assert told["tiles"] == [{"width": 256, "height": 256, "scaleFactors": [1, 2, 4, 8]}]


@pytest.mark.parametrize(
    ("width", "height", "tile"), [(1701, 1303, 256), (513, 511, 512), (300, 200, 512), (2051, 33, 64)]
)
def test_every_tile_and_size_that_info_json_promises_is_there(
    tmp_path: Path, width: int, height: int, tile: int
) -> None:
    folder = exported(tmp_path, width, height, tile)
    told = json.loads((folder / "info.json").read_text())
    for size in told["sizes"]:
        path = folder / f"full/{size['width']},{size['height']}/0/default.jpg"
        with Image.open(path) as opened:
            assert opened.size == (size["width"], size["height"])
    assert told["sizes"][-1] == {"width": width, "height": height}
    for factor in told["tiles"][0]["scaleFactors"]:
        step = tile * factor
        for y in range(0, height, step):
            for x in range(0, width, step):
                w, h = min(step, width - x), min(step, height - y)
                region = "full" if (w, h) == (width, height) else f"{x},{y},{w},{h}"
                assert (folder / f"{region}/{-(-w // factor)},{-(-h // factor)}/0/default.jpg").is_file()
    assert not list(tmp_path.rglob("*.xml")), "nothing but what was asked for"


def test_a_tile_shows_its_place_in_the_picture(tmp_path: Path) -> None:
    folder = exported(tmp_path, 700, 600)
    with Image.open(folder / "512,256,188,256/188,256/0/default.jpg") as opened:
        tile = np.asarray(opened).astype(int)
    wanted = picture(700, 600)[256:512, 512:700].astype(int)
    assert np.abs(tile - wanted)[:, :100].mean() < 6


def test_sizes_and_factors_follow_the_specification() -> None:
    assert scale_factors(512, 512, 512) == [1]
    assert scale_factors(513, 10, 512) == [1, 2]
    assert sizes(1000, 500) == [(63, 32), (125, 63), (250, 125), (500, 250), (1000, 500)]
    assert info("http://x/a", 10, 10, 512)["sizes"] == [{"width": 10, "height": 10}]
    assert address_of("https://x.org/iiif/", "Box 1 ä") == "https://x.org/iiif/Box%201%20%C3%A4"


def test_tiling_stops_when_asked(tmp_path: Path) -> None:
    over, threads = threading.Event(), []

    def kill(image: Any) -> None:
        def keep_asking() -> None:
            while not over.wait(0.01):
                image.set_kill(True)

        threads.append(threading.Thread(target=keep_asking))
        threads[0].start()

    try:
        with pytest.raises(Cancelled):
            write_iiif(
                tmp_path,
                pyvips.Image.new_from_array(picture(3000, 3000)),
                address="http://x",
                tile=64,
                quality=90,
                write_full=lambda _: None,
                on_image=kill,
            )
    finally:
        over.set()
        threads[0].join()
    assert not (tmp_path / "info.json").exists()


def test_only_a_web_export_is_taken_for_one(tmp_path: Path) -> None:
    assert is_iiif(exported(tmp_path, 100, 100))
    (tmp_path / "info.json").write_text("{}")
    assert not is_iiif(tmp_path)
    assert not is_iiif(tmp_path / "nowhere")
