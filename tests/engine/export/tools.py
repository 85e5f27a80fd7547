"""Tools that other people wrote, which judge what we write; a test whose tool is not installed is skipped in words."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

PREMIS_SCHEMA = Path(__file__).parents[2] / "data" / "premis-v3-0.xsd"
_PACKAGES = {
    "exiftool": "libimage-exiftool-perl",
    "xmllint": "libxml2-utils",
    "tiffinfo": "libtiff-tools",
    "pngcheck": "pngcheck",
    "unshare": "util-linux",
}


def run(tool: str, *args: str | Path) -> subprocess.CompletedProcess[str]:
    """The tool's answer; skips the test where the tool is missing."""
    if shutil.which(tool) is None:
        pytest.skip(f"{tool} is not installed (Debian: {_PACKAGES[tool]})")
    return subprocess.run([tool, *map(str, args)], capture_output=True, text=True, check=False, timeout=120)


def exiftool_warnings(path: Path) -> list[str]:
    """What `exiftool -validate` complains of, but for the tag that holds a TIFF's C2PA signature."""
    told = run("exiftool", "-validate", "-warning", "-error", "-a", "-s3", path).stdout.splitlines()
    verdict, *warnings = told
    assert verdict == "OK" or warnings
    return [line for line in warnings if line != "[minor] Unknown IFD0 tag 0xcd41"]


def exiftool_value(path: Path, tag: str) -> str:
    """A tag's value as exiftool reads it; "" where there is none."""
    return run("exiftool", "-s3", f"-{tag}", path).stdout.strip()


def schema_errors(premis: Path) -> str:
    """What xmllint has against a PREMIS file, "" for nothing."""
    done = run("xmllint", "--noout", "--schema", PREMIS_SCHEMA, premis)
    return "" if done.returncode == 0 else done.stderr
