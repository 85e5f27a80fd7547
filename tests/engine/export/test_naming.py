from dataclasses import replace
from datetime import datetime
from pathlib import Path, PurePath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import RecipeError
from engine.export.naming import Facts, check_template, free_name, name_for
from engine.types import EXPORT_PRESETS, ExportSettings, ImageRef, ProjectItem, Recipe

ITEM = ProjectItem("u", ImageRef("scans/harbour.tif", "ab12cd34" + 56 * "0", 1, 1), Recipe(alpha=0.5, style="albumen"))
NOW = datetime(2031, 5, 4, 14, 22, 33)


def named(template: str, item: ProjectItem = ITEM, version: int = 1, reference: str = "") -> str:
    settings = replace(ExportSettings(), template=template)
    return name_for(settings, Facts(item, "Box 12", 7, reference, NOW), version).as_posix()


@pytest.mark.parametrize(
    ("template", "name"),
    [
        ("{name}_restored_{version}", "harbour_restored_v01.tif"),
        ("{ref}", "harbour.tif"),
        ("{project}_{number}_{page}_{preset}", "Box 12_007_2_preservation.tif"),
        ("{style}_{alpha}_{beta}_{strength}_{scope}_{scale}", "albumen_0.5_0_1_whole_1.tif"),
        ("{date}_{time}_{sha}_{model}", "2031-05-04_142233_ab12cd34_archivist-1.tif"),
        ("{date}/{name}", "2031-05-04/harbour.tif"),
        ("{{{name}}}", "{harbour}.tif"),
    ],
)
def test_every_field_of_a_template_is_filled(template: str, name: str) -> None:
    assert named(template) == name


def test_a_reference_of_the_archive_takes_the_place_of_the_name() -> None:
    assert named("{ref}", reference="NL-1234/7") == "NL-1234_7.tif"


@pytest.mark.parametrize(
    "template",
    ["{nobody}", "{name!r}", "{name:>40}", "{name.__class__}", "{name[0]}", "{0}", "{}", "{name", "name}", "../{name}",
     "/tmp/{name}", "a/../../{name}", "C:{name}", "\\\\server\\{name}"],
)  # fmt: skip
def test_a_template_that_makes_no_safe_name_is_refused_in_a_sentence(template: str) -> None:
    with pytest.raises(RecipeError) as caught:
        check_template(template)
    assert "\n" not in str(caught.value)


@given(st.text(max_size=300), st.text(max_size=40))
def test_no_name_of_a_master_leads_out_of_the_folder(name: str, template: str) -> None:
    item = replace(ITEM, source=replace(ITEM.source, path=name))
    try:
        path = name_for(replace(ExportSettings(), template="{name}" + template), Facts(item, name, 1, name, NOW))
    except RecipeError:
        return
    assert not path.is_absolute()
    assert ".." not in path.parts
    assert path.suffix == ".tif"
    for part in path.parts:
        assert 0 < len(part.encode()) <= 210
        assert not set(part) & set('<>:"\\|?*%\r\n\0')
        assert not part.startswith(" ")
    assert (Path("/folder") / path).is_relative_to("/folder")


def test_names_that_windows_keeps_for_devices_are_changed() -> None:
    assert named("{name}", replace(ITEM, source=replace(ITEM.source, path="CON.tif"))) == "_CON.tif"


def test_each_preset_comes_with_a_template_that_works() -> None:
    names = {preset.id: name_for(preset.settings, Facts(ITEM)) for preset in EXPORT_PRESETS}
    assert names == {
        "preservation": PurePath("harbour_restored_v01.tif"),
        "access": PurePath("harbour_access_v01.jpg"),
        "web": PurePath("harbour_iiif"),
        "package": PurePath("harbour_bag"),
    }


def free(tmp_path: Path, conflict: str, template: str, taken: frozenset[Path] = frozenset()) -> Path | None:
    settings = ExportSettings.from_json({"conflict": conflict, "template": template})
    return free_name(tmp_path, settings, Facts(ITEM, now=NOW), taken.__contains__, Path.exists)


def test_a_new_version_takes_the_next_free_number_in_its_place(tmp_path: Path) -> None:
    (tmp_path / "v01_harbour.tif").touch()
    assert free(tmp_path, "version", "{version}_{name}") == tmp_path / "v02_harbour.tif"
    (tmp_path / "harbour.tif").touch()
    assert free(tmp_path, "version", "{name}") == tmp_path / "harbour_v02.tif"


def test_overwriting_takes_the_name_and_skipping_gives_none(tmp_path: Path) -> None:
    (tmp_path / "harbour.tif").touch()
    assert free(tmp_path, "overwrite", "{name}") == tmp_path / "harbour.tif"
    assert free(tmp_path, "skip", "{name}") is None


@pytest.mark.parametrize("conflict", ["version", "overwrite", "skip"])
def test_two_images_of_one_name_are_never_one_file(tmp_path: Path, conflict: str) -> None:
    taken = frozenset({tmp_path / "harbour.tif"})
    assert free(tmp_path, conflict, "{name}", taken) == tmp_path / "harbour_v02.tif"
