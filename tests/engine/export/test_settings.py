import json
from typing import Any

import pytest

from engine.errors import RecipeError
from engine.types import EXPORT_PRESETS, ExportSettings, export_preset


def test_settings_survive_json() -> None:
    for preset in EXPORT_PRESETS:
        assert ExportSettings.from_json(json.loads(json.dumps(preset.settings.to_json()))) == preset.settings


def test_unknown_keys_of_a_newer_version_are_left_out() -> None:
    assert ExportSettings.from_json({"quality": 80, "sparkle": True}).quality == 80


@pytest.mark.parametrize(
    "wrong",
    [{"preset": "poster"}, {"depth": "12"}, {"profile": "x"}, {"compression": "zip"}, {"conflict": "ask"},
     {"quality": 0}, {"longest": 3.5}, {"tile": 9999}, {"quality": 101},
     {"quality": 95.5}, {"tile": 1}, {"longest": 3}, {"longest": -1}, {"dpi": -300}, {"dpi": float("nan")},
     {"template": "  "}, {"address": "ftp://x"}, {"address": "http://a b"}, {"template": 5}, {"dpi": "300"}],
)  # fmt: skip
def test_settings_out_of_range_are_refused_in_a_sentence(wrong: dict[str, Any]) -> None:
    with pytest.raises(RecipeError) as caught:
        ExportSettings.from_json(wrong)
    assert "\n" not in str(caught.value)


def test_presets_are_found_by_name_and_told_where_there_is_none() -> None:
    assert export_preset("web").settings.tile == 512
    with pytest.raises(RecipeError, match="preservation, access, web, package"):
        export_preset("poster")


def test_every_option_of_a_preset_is_a_setting() -> None:
    for preset in EXPORT_PRESETS:
        assert set(preset.options) <= set(ExportSettings.__slots__)
