"""Style cards of one's own, that of a collection among them."""

from __future__ import annotations

from pathlib import Path

from engine.styles.library import CODE_SIZE, StyleLibrary, collection_card


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
