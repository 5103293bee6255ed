from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_option_reference_is_what_the_models_say() -> None:
    done = subprocess.run([sys.executable, ROOT / "tools" / "manual.py", "--check"], check=False)
    assert done.returncode == 0, "run `python tools/manual.py` and commit what it wrote in docs/"
