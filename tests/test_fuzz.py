"""A few damaged videos, and the tool that runs thousands of them: a case that kills its process must be named."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from fuzz import Finding, run_cases

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the tool looks at processes as Linux shows them")
TOOL = Path(__file__).parents[1] / "tools/fuzz.py"


def test_damaged_videos_give_frames_or_a_sentence():
    finished = subprocess.run([sys.executable, str(TOOL), "--cases", "40"], capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert finished.stdout.startswith("40 cases of seed 0: ")
    assert finished.stdout.endswith(", 0 fault, 0 crash, 0 hang, 0 memory\n")


def test_what_ends_a_process_is_named_and_the_others_go_on():
    def examine(number: int) -> Finding:
        if number == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        if number == 1:
            time.sleep(600)
        return Finding("whole")

    found = dict(run_cases(examine, range(5), workers=2, limit_s=5, limit_mib=1 << 20))
    assert [found[number].outcome for number in range(5)] == ["crash", "hang", "whole", "whole", "whole"]
    assert found[0].words == f"ended with {-signal.SIGKILL}"


def test_a_process_that_fills_the_memory_is_ended():
    held_mib = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") >> 20

    def examine(number: int) -> Finding:
        return Finding("whole" if number else str(np.ones((held_mib + 100) << 20, np.uint8)[-1]))

    found = dict(run_cases(examine, range(2), workers=1, limit_s=300, limit_mib=held_mib + 50))
    assert [found[number].outcome for number in range(2)] == ["memory", "whole"]
