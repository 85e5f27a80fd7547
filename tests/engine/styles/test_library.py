"""Style cards of one's own, that of a collection among them: what is kept, what is refused, and what is never lost."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any, get_args

import pytest

from engine.errors import ModelError, RecipeError, WriteError
from engine.projects import lock
from engine.projects.lock import FolderLock
from engine.styles import library as styles
from engine.styles.library import CODE_SIZE, StyleLibrary, collection_card, own_card, read_cards
from engine.styles.textures import _DRAWERS, Texture
from engine.types import StyleCard

CODE = (0.25,) * CODE_SIZE
ADDER = """
import sys
from pathlib import Path
from engine.styles.library import CODE_SIZE, StyleLibrary, own_card
library = StyleLibrary(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
for number in range(15):
    library.add(own_card((0.5,) * CODE_SIZE, f"{sys.argv[2]} {number}"))
"""
KILLED = """
import os, sys
from pathlib import Path
from engine.projects.lock import FolderLock
FolderLock.acquire(Path(sys.argv[1]))
os._exit(1)
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    return tmp_path / "Archivist" / "styles.json"


def write(path: Path, text: str) -> str:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return text


def file_of(**values: Any) -> str:
    return json.dumps({"styles": [{"id": "own-x", "title": "X", "group": "own", "code": [0.25] * CODE_SIZE} | values]})


def titles(library: StyleLibrary) -> list[str]:
    return [card.title for card in library.cards() if card.group == "own"]


def test_a_collection_is_one_style_however_often_it_teaches(tmp_path: Path) -> None:
    library = StyleLibrary(tmp_path / "styles.json")
    for number in (0.25, 0.5):
        library.add(collection_card("glass-plates", (number,) * CODE_SIZE))
    own = [card for card in StyleLibrary(tmp_path / "styles.json").cards() if card.group == "own"]
    assert [card.id for card in own] == ["collection-glass-plates"]
    assert own[0].code[0] == 0.5
    assert "taught" in own[0].source
    library.remove("collection-glass-plates")
    assert not [card for card in library.cards() if card.group == "own"]


def test_a_picture_is_known_again_by_its_numbers_and_a_collection_is_no_picture(own: Path) -> None:
    library = StyleLibrary(own)
    library.add(collection_card("glass-plates", CODE))
    assert library.of_picture(CODE) is None
    library.add(own_card(CODE, "Harbour 1889"))
    assert library.of_picture(CODE) == own_card(CODE, "Harbour 1889")
    assert library.of_picture((0.5,) * CODE_SIZE) is None


@pytest.mark.parametrize(
    "values",
    [
        {"grain": math.nan},
        {"grain": "0.2"},
        {"grain": 1e9},
        {"grain": -0.1},
        {"grain": True},
        {"grain": None},
        {"texture": ["film"]},
        {"texture": "velvet"},
        {"date": 1890},
        {"source": None},
        {"licence": {}},
        {"title": 7},
        {"group": []},
        {"id": ""},
        {"id": "  "},
        {"id": "own-\x1b[31mred"},
        {"id": "own-x\nown-y"},
        {"id": 5},
        {"code": [math.nan] + [0.0] * 63},
        {"code": [10**400] + [0.0] * 63},
        {"code": [1.5] + [0.0] * 63},
        {"code": ["0.5"] * 64},
        {"code": "0" * 64},
        {"code": [0.0] * 63},
    ],
    ids=lambda values: f"{next(iter(values))}-{str(next(iter(values.values())))[:12]!r}",
)
def test_a_card_that_cannot_be_drawn_or_shown_is_damaged_and_the_shipped_ones_stay(
    values: dict[str, Any], own: Path
) -> None:
    write(own, file_of(**values))
    with pytest.raises(ModelError):
        read_cards(own)
    library = StyleLibrary(own)
    assert library.cards() == StyleLibrary().cards()
    assert str(own) in library.complaint()


@pytest.mark.parametrize("text", ["[" * 100_000, "", "[]", '{"styles": 5}', "{", '{"styles": ["x"]}', "\x00"])
def test_whatever_became_of_the_own_file_the_shipped_styles_stay(text: str, own: Path) -> None:
    write(own, text)
    assert StyleLibrary(own).cards() == StyleLibrary().cards()


def test_a_good_card_is_read_with_all_that_is_told_of_it(own: Path) -> None:
    told: dict[str, Any] = {"date": "1889", "source": "Box 4", "licence": "CC0", "texture": "film", "grain": 1}
    write(own, file_of(**told, later="what a later version tells"))
    assert read_cards(own) == (StyleCard("own-x", "X", "own", CODE, **told),)
    assert StyleLibrary(own).complaint() == ""


def test_a_file_that_notepad_saved_is_read(own: Path) -> None:
    write(own, "\ufeff" + file_of())
    assert titles(StyleLibrary(own)) == ["X"]


def test_the_textures_a_card_may_name_are_those_that_can_be_drawn() -> None:
    assert {"", *_DRAWERS} == styles.TEXTURES == set(get_args(Texture))


def test_a_damaged_own_file_is_named_where_a_style_is_missed_and_is_never_overwritten(own: Path) -> None:
    text = write(own, file_of()[:-20])
    library = StyleLibrary(own)
    with pytest.raises(RecipeError, match=r"own-x.*styles\.json.*restore it"):
        library.card("own-x")
    for change in (partial(library.add, own_card(CODE, "New")), partial(library.remove, "own-x")):
        with pytest.raises(ModelError, match="restore it from a backup, or move it elsewhere"):
            change()
    assert own.read_text(encoding="utf-8") == text
    assert library.card("albumen").id == "albumen"
    own.unlink()
    with pytest.raises(RecipeError, match="see the list"):
        library.card("own-x")


def test_a_card_that_would_damage_the_own_file_is_refused(own: Path) -> None:
    library = StyleLibrary(own)
    library.add(own_card(CODE, "Good"))
    with pytest.raises(ModelError, match="“Bad” cannot be kept"):
        library.add(own_card((math.nan,) * CODE_SIZE, "Bad"))
    assert titles(library) == ["Good"]


def test_two_programs_that_add_at_once_lose_nothing(own: Path) -> None:
    command = [sys.executable, "-c", ADDER, str(own)]
    programs = [
        subprocess.Popen([*command, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE) for name in ("one", "two")
    ]
    for program in programs:
        assert program.stdout is not None
        assert program.stdout.readline().strip() == b"ready"
    for program in programs:
        assert program.stdin is not None
        program.stdin.write(b"go\n")
        program.stdin.flush()
    for program in programs:
        program.communicate(timeout=60)
    assert [program.returncode for program in programs] == [0, 0]
    assert sorted(titles(StyleLibrary(own))) == sorted(f"{name} {n}" for name in ("one", "two") for n in range(15))
    assert os.listdir(own.parent) == [own.name]


def test_waiting_for_another_program_has_an_end_and_changes_nothing(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library = StyleLibrary(own)
    library.add(own_card(CODE, "Kept"))
    monkeypatch.setattr(styles, "_PATIENCE", 0.05)
    other = FolderLock.acquire(own.parent)
    for change in (partial(library.add, own_card(CODE, "New")), partial(library.remove, own_card(CODE, "Kept").id)):
        with pytest.raises(WriteError, match="Another program is changing your styles"):
            change()
    assert titles(library) == ["Kept"]
    other.release()
    library.add(own_card(CODE, "New"))
    assert titles(library) == ["Kept", "New"]


def test_the_lock_of_a_program_that_died_blocks_nobody(own: Path) -> None:
    own.parent.mkdir()
    subprocess.run([sys.executable, "-c", KILLED, str(own.parent)], check=False)
    assert (own.parent / lock.NAME).exists()
    StyleLibrary(own).add(own_card(CODE, "New"))
    assert os.listdir(own.parent) == [own.name]


def test_the_lock_goes_also_where_it_is_just_being_read(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on Windows, where a file that is open cannot be removed."""
    remove = lock._remove
    refused: list[Path] = []

    def busy(path: Path) -> None:
        if refused:
            remove(path)
        else:
            refused.append(path)

    monkeypatch.setattr(lock, "_remove", busy)
    StyleLibrary(own).add(own_card(CODE, "New"))
    assert refused == [own.parent / lock.NAME]
    assert not (own.parent / lock.NAME).exists()


def test_a_folder_that_cannot_be_written_is_told_at_once(own: Path) -> None:
    own.parent.write_bytes(b"a file where the folder should be")
    with pytest.raises(WriteError, match="is a file and no folder"):
        StyleLibrary(own).add(own_card(CODE, "New"))
