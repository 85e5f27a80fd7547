"""Fine-tuning through the engine's door."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

WATCHED = """
import importlib.abc, sys, threading

class Watch(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name == "torch":
            print("torch came in on", threading.current_thread().name)

sys.meta_path.insert(0, Watch())
from engine.errors import EngineError
from engine.service import EngineService
from engine.types import Tuning

service = EngineService(device="cpu")
service.start()
wish = Tuning("plates", "clean", tuple(f"/nowhere/{n}.png" for n in range(10)), sys.argv[1])
try:
    service.finetune(wish, lambda _progress: None).work.future.result(300)
except EngineError as error:
    print("refused:", error)
finally:
    service.close()
"""


def test_a_training_brings_torch_in_on_the_engine_s_thread(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WATCHED, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    said = done.stdout.splitlines()
    assert said[0] == "torch came in on engine"
    assert len(said) == 2
    assert said[1].startswith("refused:")  # it went on to the pictures, after all that a training needs was loaded
