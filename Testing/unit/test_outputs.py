"""Outputs are whole or not there, whatever happens."""

from __future__ import annotations

import errno
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from HNCLogic.errors import InputError
from HNCLogic.outputs import (
    whole_or_nothing,
    write_file_whole,
    write_files_whole,
    write_text_whole,
)

REPOSITORY = Path(__file__).resolve().parents[2]


def everything(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text() if path.is_file() else "/"
        for path in folder.rglob("*")
    }


def write_result(out: Path, text: str, overwrite: bool = False) -> None:
    with whole_or_nothing(out, overwrite) as stage:
        (stage / "views").mkdir()
        (stage / "views" / "axial.png").write_text(text)
        (stage / "result.json").write_text(text)


def fail_half_way(out: Path, failure: BaseException, overwrite: bool = False) -> None:
    with whole_or_nothing(out, overwrite) as stage:
        (stage / "result.json").write_text("half")
        raise failure


@pytest.mark.parametrize("present", [False, True])
def test_output_is_there_at_the_end_and_not_before(tmp_path, present):
    out = tmp_path / "new" / "deep" / "out with space"
    if present:
        out.mkdir(parents=True)
    with whole_or_nothing(out) as stage:
        (stage / "result.json").write_text("{}")
        assert not (out / "result.json").exists()
        assert os.stat(stage).st_dev == os.stat(tmp_path).st_dev
    assert (out / "result.json").read_text() == "{}"
    assert {path.name for path in out.iterdir()} == {"result.json", ".hnc-output"}
    assert list(out.parent.iterdir()) == [out]


@pytest.mark.parametrize("failure", [ValueError("bug"), KeyboardInterrupt(), SystemExit(3)])
def test_failure_leaves_nothing_not_even_the_parents(tmp_path, failure):
    out = tmp_path / "a" / "b" / "out"
    with pytest.raises(type(failure)):
        fail_half_way(out, failure)
    assert everything(tmp_path) == {}


def test_failure_leaves_an_empty_folder_empty_and_an_earlier_output_as_it_was(tmp_path):
    empty, earlier = tmp_path / "empty", tmp_path / "earlier"
    empty.mkdir()
    write_result(earlier, "first")
    before = everything(tmp_path)
    for out, overwrite in ((empty, False), (earlier, True)):
        with pytest.raises(ValueError, match="bug"):
            fail_half_way(out, ValueError("bug"), overwrite)
    assert everything(tmp_path) == before


def test_a_folder_that_holds_something_is_refused_without_overwrite(tmp_path):
    out = tmp_path / "out"
    write_result(out, "first")
    with pytest.raises(InputError, match=r"not empty.*--overwrite"):
        write_result(out, "second")
    assert (out / "result.json").read_text() == "first"


def test_overwrite_replaces_all_of_an_earlier_output(tmp_path):
    out = tmp_path / "out"
    with whole_or_nothing(out) as stage:
        (stage / "old.csv").write_text("old")
    write_result(out, "second", overwrite=True)
    assert set(everything(out)) == {"result.json", "views", "views/axial.png", ".hnc-output"}


@pytest.mark.parametrize("theirs", ["notes.txt", "views/mine.png"])
def test_overwrite_never_deletes_what_is_not_ours(tmp_path, theirs):
    out = tmp_path / "out"
    write_result(out, "first")
    (out / theirs).write_text("a day's work")
    with pytest.raises(InputError, match=theirs):
        write_result(out, "second", overwrite=True)
    assert (out / theirs).read_text() == "a day's work"
    assert (out / "result.json").read_text() == "first"


def test_overwrite_refuses_a_folder_we_never_wrote(tmp_path):
    (tmp_path / "result.json").write_text("someone else's")
    with pytest.raises(InputError, match=r"result\.json"):
        write_result(tmp_path, "x", overwrite=True)


def test_two_at_once_the_slower_is_told(tmp_path):
    out = tmp_path / "out"

    def slower() -> None:
        with whole_or_nothing(out) as stage:
            (stage / "result.json").write_text("slow")
            write_result(out, "quick")

    with pytest.raises(InputError, match="not empty"):
        slower()
    assert (out / "result.json").read_text() == "quick"
    assert list(tmp_path.iterdir()) == [out]


def test_half_way_through_the_swap_all_goes_back(tmp_path, monkeypatch):
    out = tmp_path / "out"
    write_result(out, "first")
    before = everything(tmp_path)
    renames = []
    real = Path.rename

    def failing(self, target):
        renames.append(self)
        if len(renames) == 5:
            raise OSError(errno.EIO, "Input/output error", str(self))
        return real(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(OSError, match="Input/output"):
        write_result(out, "second", overwrite=True)
    assert len(renames) > 5
    assert everything(tmp_path) == before


def test_out_that_is_a_file_or_below_one(tmp_path):
    (tmp_path / "pet.nrrd").write_text("x")
    with pytest.raises(InputError, match="is a file"):
        write_result(tmp_path / "pet.nrrd", "x")
    with pytest.raises(InputError, match="not a directory"):
        write_result(tmp_path / "pet.nrrd" / "out", "x")
    assert everything(tmp_path) == {"pet.nrrd": "x"}


@contextmanager
def as_nobody():
    """Root may write anywhere; let the test be someone who may not."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.parametrize("mode", [0o555, 0o000], ids=["may look", "may not look"])
def test_a_folder_without_permission_to_write(mode):
    with tempfile.TemporaryDirectory() as place:  # others may reach it, unlike tmp_path
        Path(place).chmod(0o755)
        closed = Path(place) / "closed"
        closed.mkdir()
        closed.chmod(mode)
        with as_nobody():
            for out in (closed / "out", closed):
                with pytest.raises(InputError, match=f"{out} cannot be written .permission denied"):
                    write_result(out, "x")
            with pytest.raises(InputError, match="permission denied"):
                write_text_whole(closed / "record.json", "{}")
        closed.chmod(0o755)
        assert list(closed.iterdir()) == []


def test_an_unreadable_input_is_not_blamed_on_the_output(tmp_path):
    with pytest.raises(PermissionError), whole_or_nothing(tmp_path / "out"):
        raise PermissionError(errno.EACCES, "Permission denied", str(tmp_path / "pet.nii"))


@pytest.fixture
def small_disk(tmp_path):
    """A real file system of 256 KiB."""
    place = tmp_path / "small"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "hnc-test", str(place)]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("a small file system can be mounted by root only")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_full_disk(small_disk):
    with pytest.raises(InputError, match="disk is full"):
        write_result(small_disk / "a", "x" * 1_000_000)
    assert everything(small_disk) == {}


def test_a_full_disk_that_an_image_writer_reports_in_its_own_way(small_disk):
    import numpy as np
    import SimpleITK as sitk

    noise = np.random.default_rng(0).normal(size=(40, 50, 60)).astype(np.float32)
    image = sitk.GetImageFromArray(noise)
    for suffix in (".nrrd", ".nii.gz", ".mha"):
        with pytest.raises(InputError, match="disk is full"):
            write_file_whole(
                small_disk / f"pet{suffix}", lambda part: sitk.WriteImage(image, str(part), True)
            )
        assert everything(small_disk) == {}


def test_a_limit_on_file_sizes(tmp_path):
    """A full disk for those who cannot mount one: the system refuses the write."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))
    try:
        with pytest.raises(InputError, match="disk is full"), whole_or_nothing(tmp_path / "o") as f:
            (f / "heatmap.nrrd").write_bytes(bytes(100_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert everything(tmp_path) == {}


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_full_in_the_systems_words(tmp_path, number):
    with pytest.raises(InputError, match="disk is full"), whole_or_nothing(tmp_path / "out"):
        raise OSError(number, os.strerror(number))
    assert everything(tmp_path) == {}


WORKER = """
import sys, time
from pathlib import Path
from HNCLogic.outputs import end_cleanly_on_signals, whole_or_nothing
end_cleanly_on_signals()
try:
    with whole_or_nothing(Path(sys.argv[1]), overwrite=True) as stage:
        (stage / "half.nrrd").write_text("half")
        print("working", flush=True)
        time.sleep(30)
except KeyboardInterrupt:
    sys.exit(130)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("present", [False, True])
def test_a_signal_half_way(tmp_path, number, present):
    out = tmp_path / "sub" / "out"
    if present:
        write_result(out, "first")
    before = everything(tmp_path)
    process = subprocess.Popen(
        [sys.executable, "-c", WORKER, str(out)], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "working\n"
    process.send_signal(number)
    assert process.wait(timeout=10) == 130
    assert everything(tmp_path) == before


def test_signals_while_cleaning_up_change_nothing(tmp_path, monkeypatch):
    """An impatient second Ctrl-C."""
    real = shutil.rmtree

    def slow(path, **options):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.05)
        real(path, **options)

    monkeypatch.setattr(shutil, "rmtree", slow)
    with pytest.raises(ValueError, match="bug"):
        fail_half_way(tmp_path / "out", ValueError("bug"))
    assert everything(tmp_path) == {}
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_single_file(tmp_path):
    path = tmp_path / "new" / "pet.nii.gz"
    names = []

    def write(part: Path) -> None:
        names.append(part.name)
        part.write_text("voxels")

    write_file_whole(path, write)
    assert names[0].endswith("pet.nii.gz")
    assert everything(tmp_path) == {"new": "/", "new/pet.nii.gz": "voxels"}
    write_text_whole(path, "Größe")
    assert path.read_bytes() == "Größe".encode()


def test_a_single_file_that_fails_leaves_the_earlier_one(tmp_path):
    path = tmp_path / "pet.nrrd"
    path.write_text("earlier")

    def failing(part: Path) -> None:
        part.write_text("half")
        raise RuntimeError("writer")

    with pytest.raises(RuntimeError, match="writer"):
        write_file_whole(path, failing)
    with pytest.raises(RuntimeError, match="writer"):
        write_file_whole(tmp_path / "new" / "pet.nrrd", failing)
    assert everything(tmp_path) == {"pet.nrrd": "earlier"}
    with pytest.raises(InputError, match="is a folder"):
        write_text_whole(tmp_path, "x")


@pytest.mark.parametrize("earlier", [True, False])
def test_files_that_belong_together_are_replaced_together(tmp_path, earlier, monkeypatch):
    image, record = tmp_path / "a" / "pet.nrrd", tmp_path / "a" / "pet.json"
    if earlier:
        write_files_whole({image: lambda p: p.write_text("1"), record: lambda p: p.write_text("1")})
    before = everything(tmp_path)

    def failing(part: Path) -> None:
        part.write_text("half")
        raise OSError(errno.ENOSPC, "No space left on device", str(part))

    with pytest.raises(InputError, match=r"pet\.json cannot be written: the disk is full"):
        write_files_whole({image: lambda p: p.write_text("2"), record: failing})
    assert everything(tmp_path) == before

    real = Path.rename

    def stuck(self, target):
        if Path(target) == record and self.read_text() == "2":
            raise OSError(errno.EIO, "Input/output error", str(self))
        return real(self, target)

    both = {image: lambda p: p.write_text("2"), record: lambda p: p.write_text("2")}
    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", stuck)
        with pytest.raises(OSError, match="Input/output"):
            write_files_whole(both)
    assert everything(tmp_path) == before
    write_files_whole(both)
    assert everything(tmp_path) == {"a": "/", "a/pet.nrrd": "2", "a/pet.json": "2"}


def test_a_link_is_followed_and_stays(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    write_result(tmp_path / "link", "x")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real" / "result.json").read_text() == "x"
