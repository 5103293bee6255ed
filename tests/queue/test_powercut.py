"""The power-cut experiment itself: what it loses and what it keeps."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.peers.disk import LoopDisk
from tests.queue.powercut import failing_sync, line, python_process

WRITE = """
import os, sys, time
directory = sys.argv[1]
def write(name, sync):
    fd = os.open(os.path.join(directory, name), os.O_CREAT | os.O_WRONLY)
    os.write(fd, b"x" * 5000)
    if sync:
        os.fsync(fd)
    os.close(fd)
"""


@pytest.mark.root
def test_a_synced_file_survives_a_power_cut_and_another_does_not(disk: LoopDisk) -> None:
    script = WRITE + "write('synced', True); write('unsynced', False); print('done'); time.sleep(60)"
    with python_process(script, disk.path) as process:
        assert line(process) == "done"
        disk.shut_down()
    path = disk.restart()
    assert (path / "synced").read_bytes() == b"x" * 5000
    assert not (path / "unsynced").exists()
    disk.check()


@pytest.mark.root
def test_a_file_renamed_before_its_sync_is_left_empty(disk: LoopDisk) -> None:
    script = WRITE + (
        "write('tmp', False); os.rename(os.path.join(directory, 'tmp'), os.path.join(directory, 'new'))\n"
        "fd = os.open(directory, os.O_RDONLY); os.fsync(fd); print('done'); time.sleep(60)"
    )
    with python_process(script, disk.path) as process:
        assert line(process) == "done"
        disk.shut_down()
    assert (disk.restart() / "new").read_bytes() == b""


@pytest.mark.root
def test_after_the_cut_every_write_fails_until_the_power_is_back(disk: LoopDisk) -> None:
    disk.shut_down()
    with pytest.raises(OSError, match="Input/output error"):
        (disk.path / "late").touch()
    (disk.restart() / "later").touch()


def test_the_chosen_sync_fails_and_no_other(tmp_path: Path) -> None:
    script = (
        "import os, sys\n"
        "fd = os.open(sys.argv[1], os.O_CREAT | os.O_WRONLY)\n"
        "for n in range(3):\n"
        "    try:\n        os.fsync(fd); print('ok')\n"
        "    except OSError as error:\n        print(error.errno)\n"
    )
    command = [*failing_sync(2), sys.executable, "-c", script, str(tmp_path / "file")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["ok", "5", "ok"]
