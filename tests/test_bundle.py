"""The bundle's recipe names only what there is. Building one takes minutes; this runs the recipe with stand-ins."""

from __future__ import annotations

import ast
import sys
from importlib.metadata import distribution
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
SPEC = ROOT / "packaging" / "archivist.spec"
CAN_BE_MISSED = ROOT / "engine" / "rendering" / "foreign.py"  # `studio.community` says in a sentence what is missing


def collect_data_files(package: str, includes: list[str] | None = None) -> list[tuple[str, str]]:
    """As PyInstaller's: (file, folder in the bundle) of a package's files that are no code."""
    found = find_spec(package)
    assert found is not None, f"{package} is not there"
    assert found.submodule_search_locations is not None
    folder = Path(found.submodule_search_locations[0])
    files = [file for pattern in includes or ["**/*"] for file in folder.glob(pattern) if file.suffix != ".py"]
    return [(str(file), str(Path(package) / file.parent.relative_to(folder))) for file in files]


def collect_dynamic_libs(package: str) -> list[tuple[str, str]]:
    """As PyInstaller's: (file, folder in the bundle) of a package's shared libraries, none where it is not there."""
    return [] if find_spec(package) is None else collect_data_files(package, ["**/*.so", "**/*.dll", "**/*.dylib"])


def copy_metadata(name: str) -> list[tuple[str, str]]:
    """As PyInstaller's; raises where a distribution is not installed."""
    return [(str(distribution(name).locate_file("")), name)]


class Recipe:
    """What the recipe hands to PyInstaller, and the names it defines."""

    def __init__(self) -> None:
        self.wanted: dict[str, Any] = {}
        self.collected: tuple[Any, ...] = ()
        self.names: dict[str, Any] = {
            "SPECPATH": str(SPEC.parent),
            "Analysis": self._analyse,
            "PYZ": lambda pure: pure,
            "EXE": lambda *parts, **options: SimpleNamespace(parts=parts, **options),
            "COLLECT": self._collect,
        }
        exec(compile(SPEC.read_text(encoding="utf-8"), SPEC, "exec"), self.names)

    def _analyse(self, scripts: list[str], **wanted: Any) -> SimpleNamespace:
        self.wanted = {"scripts": scripts, **wanted}
        binaries = [("torch/lib/libtorch_cpu.so", "x", "BINARY"), ("torch/lib/libgtest.a", "x", "BINARY")]
        return SimpleNamespace(pure=[], scripts=scripts, binaries=binaries, datas=[])

    def _collect(self, *parts: Any, name: str) -> None:
        self.collected = parts


@pytest.fixture
def recipe(monkeypatch: pytest.MonkeyPatch) -> Recipe:
    hooks: Any = ModuleType("PyInstaller.utils.hooks")
    for stand_in in (collect_data_files, collect_dynamic_libs, copy_metadata):
        setattr(hooks, stand_in.__name__, stand_in)
    for name in ("PyInstaller", "PyInstaller.utils"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, "PyInstaller.utils.hooks", hooks)
    return Recipe()


def test_every_file_and_module_that_the_bundle_s_recipe_names_is_there(recipe: Recipe) -> None:
    wanted = recipe.wanted
    assert [name for name in wanted["hiddenimports"] if find_spec(name) is None] == []
    assert all(Path(file).exists() for file in (*wanted["scripts"], *wanted["hookspath"]))
    assert all(Path(file).exists() for file, _ in (*wanted["datas"], *wanted["binaries"]))
    assert len(recipe.names["demo_photographs"]()) == len(recipe.names["PICTURES"])


def test_what_the_bundle_leaves_out_is_imported_by_nothing_that_runs_in_it(recipe: Recipe) -> None:
    left_out = recipe.wanted["excludes"]
    for package in ("archivist_app", "engine"):
        for file in set((ROOT / package).rglob("*.py")) - {CAN_BE_MISSED}:
            for name, line in imported(file):
                gone = any(f"{name}.".startswith(f"{part}.") for part in left_out)
                assert not gone, f"{file.relative_to(ROOT)}:{line} imports {name}, which the bundle does not have"


def test_torch_comes_without_what_tests_it(recipe: Recipe) -> None:
    tests, needed = ["torch/test/a", "torch/bin/protoc"], ["torch/bin/torch_shm_manager", "engine/a.json"]
    kept = recipe.names["kept"]([(name, "", "DATA") for name in (*tests, *needed)])
    assert [name for name, *_ in kept] == needed
    assert [name for name, *_ in recipe.collected[1]] == ["torch/lib/libtorch_cpu.so"]


def imported(file: Path) -> list[tuple[str, int]]:
    """The modules that a file imports, each with its line."""
    found = []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [(alias.name, node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found += [(f"{node.module}.{alias.name}", node.lineno) for alias in node.names]
            found.append((node.module, node.lineno))
    return found
