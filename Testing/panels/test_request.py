"""From nodes to a Result by way of a child process, and every way in which that can fail."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from HNCLogic.images.grid import Grid
from HNCLogic.images.read import read_image
from HNCLogic.job import Job, Result
from Testing.cli.conftest import body
from Testing.panels.handed_in_child import HandedInChild

REPOSITORY = Path(__file__).resolve().parents[2]
SEGMENT = {"task": "segment", "delineation": {"method": "fixed"}}
RECORD = {
    "units_found": "BQML",
    "factor_min": 0.0002,
    "factor_max": 0.0002,
    "formula": "by weight",
    "weight_kg": 61.5,
}


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch):
    """The folder in which the private folders are made."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def nodes(host) -> dict:
    from HNCLogic.scene.volumes import add_volume, show_pet

    pet, ct, _mask = body()
    made = {role: add_volume(host.scene, image, role) for role, image in (("PET", pet), ("CT", ct))}
    show_pet(made["PET"])  # which says that it is in SUVbw
    return made


class Asked:
    """A Request with a list of what it told."""

    def __init__(self, host, launch=None):
        from HNCLogic.panels.request import Request

        self.host = host
        self.request = Request(launch)
        self.progress: list[tuple] = []
        self.done: list[tuple] = []
        self.failed: list = []

    def start(self, images, settings=SEGMENT, mask=None) -> Asked:
        self.request.start(
            images,
            settings,
            lambda *told: self.progress.append(told),
            lambda *told: self.done.append(told),
            self.failed.append,
            mask,
        )
        return self

    def until(self, condition, seconds: float = 20.0) -> None:
        assert self.host.wait(condition, seconds)

    def until_launched(self, child: HandedInChild) -> Asked:
        self.until(lambda: child.launched)
        return self

    @property
    def ended(self) -> bool:
        return bool(self.done or self.failed)

    def failure(self):
        """The one failure there was."""
        self.until(lambda: self.ended)
        assert self.done == []
        (failure,) = self.failed
        assert not self.request.running
        return failure


@pytest.fixture
def child() -> HandedInChild:
    return HandedInChild()


@pytest.fixture
def running(host, child, nodes) -> Asked:
    """A request whose child runs."""
    return Asked(host, child).start(nodes).until_launched(child)


def test_nodes_go_out_as_files_and_the_result_comes_back(host, temporary, nodes, child):
    asked = Asked(host, child).start(nodes, {**SEGMENT, "region_mm": [310, 500]})
    assert asked.request.running
    asked.until_launched(child)
    assert child.args[1:-1] == ["-m", "HNCLogic", "run"]
    assert child.cwd == REPOSITORY
    folder = child.job_path.parent
    assert folder.parent == temporary.resolve()
    assert folder.stat().st_mode & 0o077 == 0
    job = Job.model_validate(child.job)
    assert job.plain
    assert job.task == "segment"
    assert job.delineation.method == "fixed"
    assert job.region_mm == (310, 500)
    assert job.suv.units == "SUVbw"
    assert job.out.parent == folder
    for role, image in zip(("PET", "CT"), body(), strict=False):
        handed = sitk.ReadImage(str(job.images[role]))
        assert Grid.of(handed).same_as(Grid.of(image), 1e-9)
        assert np.array_equal(sitk.GetArrayViewFromImage(handed), sitk.GetArrayViewFromImage(image))
    child.progress(0.0, "reading images")
    child.progress(0.5, "network")
    result = child.succeeds()
    asked.until(lambda: asked.ended)
    assert asked.failed == []
    assert asked.done == [(result, job.out)]
    assert not asked.request.running
    shares = [share for share, _words, _left in asked.progress]
    assert shares == sorted(shares)
    assert shares[-2:] == [0.05, pytest.approx(0.05 + 0.95 / 2)]
    assert asked.progress[-1][1:] == ("network", None)
    assert folder.exists()
    asked.request.close()
    assert list(temporary.iterdir()) == []


def test_the_suv_record_of_a_converted_pet_goes_along(host, nodes, child):
    nodes["PET"].SetAttribute("HNC.SuvRecord", json.dumps(RECORD))
    asked = Asked(host, child).start(nodes).until_launched(child)
    job = Job.model_validate(child.job)
    assert job.suv.units is None
    assert read_image(job.images["PET"], "PET", None, job.suv).suv.weight_kg == 61.5
    asked.request.cancel()


def test_what_the_user_states_of_the_pet_wins(host, nodes, child):
    settings = {**SEGMENT, "suv": {"weight_kg": 80.0, "units": "BQML"}}
    asked = Asked(host, child).start(nodes, settings).until_launched(child)
    assert child.job["suv"] == {"weight_kg": 80.0, "units": "BQML"}
    assert settings["suv"] == {"weight_kg": 80.0, "units": "BQML"}
    asked.request.cancel()


def test_paths_are_passed_on_and_not_copied(host, tmp_path, child):
    asked = Asked(host, child).start({"PET": tmp_path / "dicom"}, {"task": "open"})
    asked.until_launched(child)
    assert child.job["images"] == {"PET": str(tmp_path / "dicom")}
    assert [path.name for path in child.job_path.parent.iterdir()] == ["job.json"]
    asked.request.cancel()


def test_a_segmentation_goes_along_as_the_mask(host, nodes, child):
    from HNCLogic.scene.segments import add_segmentation
    from Testing.scene.small_patient import lesion

    _pet, _ct, mask = body()
    found = lesion(1, "node", "Node", 8, (0, 0, 0))
    segmentation = add_segmentation(host.scene, mask, [found], "Lesions", nodes["PET"])
    asked = Asked(host, child).start(nodes, {"task": "measure"}, mask=segmentation)
    asked.until_launched(child)
    from HNCLogic.images.read import read_labels

    handed = read_labels(Path(child.job["mask"]), Grid.of(mask))
    assert np.array_equal(
        sitk.GetArrayViewFromImage(handed.labels), sitk.GetArrayViewFromImage(mask)
    )
    assert "^14799000^" in handed.tags[1]
    asked.request.cancel()


NO_TYPER = "ModuleNotFoundError: No module named 'typer'"
FAILURES = {
    "the input": (2, ["hnc: the PET holds no image"], "input", "The PET holds no image"),
    "no memory, said": (
        2,
        [
            "hnc: the memory does not suffice for these images: close other programs, narrow the "
            "stretch that is analysed (--region LOW,HIGH), or use a machine with more"
        ],
        "killed",
        "memory",
    ),
    "killed": (-9, [], "killed", "memory"),
    "killed in a shell": (137, ["Killed"], "killed", "memory"),
    "no memory, a traceback": (1, ["MemoryError"], "killed", "memory"),
    "no memory on the card": (
        1,
        ["torch.OutOfMemoryError: CUDA out of memory."],
        "killed",
        "memory",
    ),
    "stopped from outside": (130, ["hnc: stopped; nothing was left behind"], "killed", "outside"),
    "a package": (1, ["Traceback (most recent call last):", NO_TYPER], "missing", "typer"),
    "a part of a package": (
        1,
        ["ModuleNotFoundError: No module named 'monai.networks.nets'"],
        "missing",
        "monai",
    ),
    "all of us": (1, ["/usr/bin/python: No module named HNCLogic"], "missing", "HNCLogic"),
    "a bug": (1, ["Traceback (most recent call last):", "KeyError: 'x'"], "crashed", "code 1"),
    "a segmentation fault": (-11, [], "crashed", "code -11"),
    "refused without a word": (2, [], "crashed", "code 2"),
    "killed behind Slicer's launcher": (
        1,
        ["error: [/opt/Slicer/bin/python-real] exit abnormally - Report the problem."],
        "killed",
        "memory",
    ),
    "crashed behind Slicer's launcher": (
        1,
        [
            "Fatal Python error: Segmentation fault",
            "error: [x] exit abnormally - Report the problem.",
        ],
        "crashed",
        "code 1",
    ),
    "done without a result": (0, [], "crashed", "code 0"),
}


@pytest.mark.parametrize("case", FAILURES)
def test_each_end_has_its_words_and_leaves_no_folder(running, child, temporary, case):
    code, lines, kind, words = FAILURES[case]
    child.progress(0.3)
    child.ends(code, *lines)
    failure = running.failure()
    assert failure.kind == kind
    assert words in failure.words
    assert "hnc:" not in failure.words
    assert "--region" not in failure.words
    if kind == "crashed" and lines:
        assert lines[-1] in failure.log
    assert list(temporary.iterdir()) == []


def test_series_to_choose_from_are_told(running, child, temporary):
    series = [{"choice": "4", "words": '4: "AC" (9 slices)'}, {"choice": "5", "words": "5: NAC"}]
    child.ends(
        2, {"choose": {"role": "PET", "series": series}}, "hnc: X holds 2 PET series; choose one"
    )
    failure = running.failure()
    assert failure.kind == "choose"
    assert failure.role == "PET"
    assert failure.choices == (("4", '4: "AC" (9 slices)'), ("5", "5: NAC"))
    assert list(temporary.iterdir()) == []


def test_words_name_the_image_and_not_its_path(host, tmp_path, child):
    folder = tmp_path / "QUILL^ZEPHYRINE"
    asked = Asked(host, child).start({"PET": folder}, {"task": "open"}).until_launched(child)
    private = child.job_path.parent
    child.ends(2, f"looked at {private}/x", f"hnc: {folder} is an empty folder: give another")
    failure = asked.failure()
    assert failure.words == "The PET is an empty folder: give another"
    assert failure.log == "looked at …/x"


def test_what_others_print_is_kept_as_a_log_of_bounded_length(running, child):
    child.prints(
        "\ufffd\0garbage", "", "{", "[1, 2]", '{"progress": "no"}', '{"choose": {}}', "x" * 10_000
    )
    child.prints('{"progress": 0.5}', '{"unknown": 1}', '{"progress": null, "step": 1}', "null")
    child.prints(*(f"line {n}" for n in range(1000)))
    child.ends(1, "the end")
    failure = running.failure()
    assert failure.kind == "crashed"
    lines = failure.log.splitlines()
    assert lines[-1] == "the end"
    assert len(lines) == 200
    assert len(failure.log) < 200 * 501


def test_a_damaged_result_is_a_failure(running, child, temporary):
    out = Path(child.job["out"])
    out.mkdir()
    (out / "result.json").write_text('{"task": "segment", "secret": 1}')
    child.ends(0, {"result": "elsewhere"})
    assert running.failure().kind == "input"
    assert list(temporary.iterdir()) == []


def test_cancel_ends_the_child_and_what_it_says_afterwards_changes_nothing(
    running, child, temporary
):
    running.request.cancel()
    assert [one.kind for one in running.failed] == ["cancelled"]
    assert not running.request.running
    assert child.process.asked == ["terminate"]
    told = len(running.progress)
    child.progress(0.9)
    child.ends(0, {"result": "x"})
    running.until(lambda: not list(temporary.iterdir()))
    running.request.cancel()
    assert len(running.progress) == told
    assert len(running.failed) == 1
    assert running.done == []


def test_a_child_that_does_not_end_is_killed(host, nodes, temporary, monkeypatch):
    from HNCLogic.panels import ended_process

    monkeypatch.setattr(ended_process, "PATIENCE_S", 0.2)
    child = HandedInChild(stubborn=True)
    asked = Asked(host, child).start(nodes).until_launched(child)
    asked.request.cancel()
    assert asked.failed[0].kind == "cancelled"
    assert list(temporary.iterdir()) != []  # its files, as long as it is there
    asked.until(lambda: not list(temporary.iterdir()))
    assert child.process.asked == ["terminate", "kill"]


def test_cancel_while_the_images_are_written(host, nodes, temporary, child, monkeypatch):
    from HNCLogic.images import plain_nrrd

    monkeypatch.setattr(plain_nrrd, "PIECE_BYTES", 8)
    asked = Asked(host, child).start(nodes)
    asked.until(lambda: len(asked.progress) > 5)
    asked.request.cancel()
    assert asked.failure().kind == "cancelled"
    assert list(temporary.iterdir()) == []
    assert not asked.host.wait(lambda: child.launched, 0.3)


def test_cancel_from_within_progress_while_the_images_are_written(host, nodes, temporary, child):
    asked = Asked(host, child)
    asked.request.start(
        nodes,
        SEGMENT,
        lambda *_told: asked.request.cancel(),
        lambda *told: asked.done.append(told),
        asked.failed.append,
    )
    assert asked.failure().kind == "cancelled"
    assert not asked.host.wait(lambda: child.launched, 0.2)
    assert list(temporary.iterdir()) == []


def test_cancel_while_the_result_is_read(running, child, temporary):
    child.succeeds()
    assert running.request.running
    running.request.cancel()
    assert running.failure().kind == "cancelled"
    assert not running.host.wait(lambda: running.done, 0.3)
    assert list(temporary.iterdir()) == []


def test_closing_the_scene_cancels(running, child, temporary, host):
    host.close_scene()
    failure = running.failure()
    assert failure.kind == "cancelled"
    assert "scene was closed" in failure.words
    assert child.process.asked == ["terminate"]
    running.until(lambda: not list(temporary.iterdir()))
    host.close_scene()
    assert len(running.failed) == 1


def test_closing_the_scene_while_the_images_are_written(host, nodes, temporary, child, monkeypatch):
    from HNCLogic.images import plain_nrrd

    monkeypatch.setattr(plain_nrrd, "PIECE_BYTES", 8)
    asked = Asked(host, child).start(nodes)
    asked.until(lambda: len(asked.progress) > 5)
    host.close_scene()
    assert asked.failure().kind == "cancelled"
    assert list(temporary.iterdir()) == []


def test_abandoning_tells_nobody(running, child, temporary):
    running.request.abandon()
    assert not running.request.running
    assert child.process.asked == ["terminate"]
    child.ends(0)
    running.until(lambda: not list(temporary.iterdir()))
    assert not running.ended


def test_a_python_that_cannot_be_started_is_a_failure(host, nodes, temporary):
    def launch(*_args, **_kwargs):
        raise FileNotFoundError(2, "No such file or directory", "PythonSlicer")

    failure = Asked(host, launch).start(nodes).failure()
    assert failure.kind == "crashed"
    assert "PythonSlicer" in failure.log
    assert list(temporary.iterdir()) == []


def test_a_node_that_cannot_be_handed_over_is_a_failure_before_any_child(host, temporary, child):
    empty = host.scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "nothing in it")
    failure = Asked(host, child).start({"PET": empty}).failure()
    assert failure.kind == "input"
    assert "empty" in failure.words
    assert child.launched == 0
    assert list(temporary.iterdir()) == []


def test_one_at_a_time_and_one_after_the_other(host, running, child, nodes, temporary):
    with pytest.raises(RuntimeError):
        running.start(nodes)
    child.succeeds()
    running.until(lambda: running.ended)
    first = running.done[0][1]
    running.start(nodes)
    assert not first.exists()  # the earlier request's files go when the next one starts
    running.until(lambda: child.launched == 2)
    child.succeeds()
    running.until(lambda: len(running.done) == 2)
    assert running.failed == []
    running.request.close()
    assert list(temporary.iterdir()) == []


def test_what_a_crash_left_behind_is_removed_and_nothing_else(host, temporary):
    from HNCLogic.panels import private_folder

    def folder(name: str, hours: float) -> Path:
        made = temporary / name
        made.mkdir()
        (made / "PET.nrrd").write_text("voxels")
        then = time.time() - hours * 3600
        os.utime(made, (then, then))
        return made

    old = folder("hnc-request-old", 48)
    young = folder("hnc-request-young", 1)
    other = folder("somebody-elses", 48)
    (temporary / "hnc-request-link").symlink_to(other)
    (temporary / "hnc-request-file").write_text("x")
    private_folder.remove_left_over()
    assert not old.exists()
    assert (young / "PET.nrrd").exists()
    assert (other / "PET.nrrd").exists()
    assert (temporary / "hnc-request-link").is_symlink()
    assert (temporary / "hnc-request-file").exists()


@pytest.mark.parametrize("panel_goes", ["", "asked.abandon()"], ids=["in use", "told to go"])
def test_an_application_that_ends_takes_child_and_folder_along(tmp_path, panel_goes):
    """Slicer tells its panels to go when the event loop turns no more; and from then on Python
    starts no threads."""
    script = f"""
import tempfile, threading, sys
tempfile.tempdir = {str(tmp_path)!r}
from Testing.host import desktop
host = desktop.start()
import slicer
from HNCLogic.panels.request import Request
def launch(args, **kwargs):
    return slicer.util.launchConsoleProcess([sys.executable, "-c", "import time; time.sleep(60)"],
                                            **kwargs)
asked = Request(launch)
asked.start({{"PET": {str(tmp_path / "pet")!r}}}, {{}}, print, print, print)
assert host.wait(lambda: asked._run._process is not None, 20)
print("child", asked._run._process.pid, flush=True)
from HNCLogic.panels import private_folder
private_folder.QUICKLY_REMOVED = 0
def refused(thread):
    raise RuntimeError("can't create new thread at interpreter shutdown")
threading.Thread.start = refused
{panel_goes}
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert "Error" not in done.stderr
    pid = int(done.stdout.split("child ")[1].split()[0])
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert list(tmp_path.glob("hnc-request-*")) == []


def test_a_real_child_gives_a_heat_map_and_the_panel_stays_alive(
    host,
    nodes,
    temporary,
    tiny_models,
):
    from HNCLogic.scene.volumes import voxels_of
    from HNCLogic.scene.voxel_files import read_node

    settings = {"task": "explain", "presence_model": str(tiny_models["presence"])}
    asked = Asked(host)
    turns = 0

    def ended():
        nonlocal turns
        turns += 1
        return asked.ended

    asked.start(nodes, settings)
    asked.until(ended, 120)
    assert turns > 100  # the event loop went on; how smoothly, `hnc benchmark` tells
    assert asked.failed == []
    ((result, folder),) = asked.done
    assert isinstance(result, Result)
    assert result.presence.verdict in ("positive", "negative")
    assert set(result.files) <= {"result", "heatmap"}
    steps = read_node(host.scene, folder / result.files["heatmap"], "Heat")
    for _share in steps:
        pass
    heat = host.scene.GetFirstNodeByName("Heat")
    assert voxels_of(heat.GetImageData()).max() > 0
    words = {words for _share, words, _left in asked.progress}
    assert "reading images" in words
    assert "done" in words
    asked.request.close()
    assert list(temporary.iterdir()) == []


def test_a_real_child_refuses_in_words_about_the_role(host, nodes):
    voxels = sitk.GetArrayFromImage(body()[0])
    voxels[3, 3, 3] = np.nan
    from HNCLogic.scene.volumes import voxels_of

    voxels_of(nodes["PET"].GetImageData())[:] = voxels
    asked = Asked(host).start(nodes)
    asked.until(lambda: asked.ended, 60)
    failure = asked.failure()
    assert failure.kind == "input"
    assert failure.words.startswith("The PET")
    assert "NaN" in failure.words or "not finite" in failure.words
    assert ".nrrd" not in failure.words


LAUNCHER = """
import subprocess, sys
worker = subprocess.Popen([sys.executable, *sys.argv[1:]])
code = worker.wait()
if code < 0:
    print("error: [python-real] exit abnormally - Report the problem.", flush=True)
sys.exit(code if code >= 0 else 1)
"""


def runs(process_id: int) -> bool:
    try:
        state = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


@pytest.mark.parametrize("how", ["killed", "crashed", "cancelled", "cancelled early", "abandoned"])
def test_behind_a_launcher_the_worker_is_ended_too(
    host, nodes, temporary, tiny_models, tmp_path, how
):
    """PythonSlicer starts the Python that works and waits for it: to end it alone ends nothing."""
    import slicer

    launcher = tmp_path / "launcher.py"
    launcher.write_text(LAUNCHER)

    def launch(args, **more):
        behind = [sys.executable, str(launcher), *args[1:]]
        return slicer.util.launchConsoleProcess(behind, **more)

    settings = {"task": "classify", "presence_model": str(tiny_models["slow"])}
    asked = Asked(host, launch).start(nodes, settings)
    run = asked.request._run
    asked.until(lambda: run._process is not None)
    if how == "cancelled early":
        asked.request.cancel()  # the worker has not said yet which process it is
    asked.until(lambda: run._output.worker is not None or not list(temporary.iterdir()), 60)
    worker = run._output.worker
    assert how == "cancelled early" or worker not in (None, run._process.pid)
    if how == "killed":
        os.kill(worker, signal.SIGKILL)
    elif how == "crashed":
        os.kill(worker, signal.SIGSEGV)
    elif how == "cancelled":
        asked.request.cancel()
    elif how == "abandoned":
        asked.request.abandon()
    if how == "abandoned":
        assert not asked.ended
    else:
        assert asked.failure().kind == how.split()[0]
    asked.until(lambda: run._process.poll() is not None and not list(temporary.iterdir()))
    assert worker is None or not runs(worker)


@pytest.mark.parametrize("how", ["killed", "cancelled"])
def test_a_real_child_ends_half_way(host, nodes, temporary, tiny_models, how):
    settings = {"task": "classify", "presence_model": str(tiny_models["slow"])}
    asked = Asked(host).start(nodes, settings)
    asked.until(lambda: any("network" in words for _s, words, _l in asked.progress), 60)
    process = asked.request._run._process
    if how == "killed":
        process.send_signal(signal.SIGKILL)
    else:
        asked.request.cancel()
    failure = asked.failure()
    assert failure.kind == how
    asked.until(lambda: process.poll() is not None and not list(temporary.iterdir()))
