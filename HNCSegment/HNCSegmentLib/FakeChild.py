"""A stand-in for the process of a job, for tests: answers at once, without torch.

It is handed in where the panel would start a process, reads the job that the panel wrote, and
writes a result folder as the real one does.
"""

from __future__ import annotations

import json
from pathlib import Path

import qt
import SimpleITK as sitk

from HNCSegmentLib import SmallPatient

TRAINED_ON = "nothing: made up for a test"
KINDS = {1: "primary", 2: "node"}


class FakeChild:
    """``FakeChild(ending)`` is called like ``slicer.util.launchConsoleProcess(args, …)``.

    ``ending``: "answer", "wait" (until it is terminated), or the exit code of a failure, before
    which ``says`` is printed. ``lesions``: the labels of the small patient's lesions that are
    found. ``jobs``: the jobs that it was given, as plain values.
    """

    def __init__(self, ending="answer", says="", lesions=(1, 2)):
        self.ending, self.says, self.lesions = ending, says, lesions
        self.jobs = []

    def __call__(self, args, logCallback=None, completedCallback=None, **_other):
        job = json.loads(Path(args[-1]).read_text(encoding="utf-8"))
        self.jobs.append(job)
        return _Process(self, job, logCallback, completedCallback)


class _Process:
    """The part of a Popen that a panel uses."""

    def __init__(self, child, job, log, completed):
        self._child, self._job, self._log, self._completed = child, job, log, completed
        self._code = None
        self._begun = False
        self._timer = qt.QTimer()
        self._timer.setInterval(20)
        self._timer.connect("timeout()", self._step)
        self._timer.start()

    def poll(self):
        return self._code

    def wait(self, timeout=None):
        return self._code

    def terminate(self):
        self._finish(-15)

    kill = terminate

    def _step(self):
        child = self._child
        if not self._begun or child.ending == "wait":
            self._begun = True
            self._log(json.dumps({"progress": 0.4, "step": "outlines", "seconds": 1.0}))
        elif child.ending == "answer":
            path = writeAnswer(self._job, Path(self._job["out"]), child.lesions)
            self._log(json.dumps({"result": str(path)}))
            self._finish(0)
        else:
            if child.says:
                self._log(child.says)
            self._finish(child.ending)

    def _finish(self, code):
        if self._code is None:
            self._code = code
            self._timer.stop()
            self._completed(code)


def writeAnswer(job, out, wanted):
    """A result folder for the small patient; gives the path of ``result.json``."""
    from HNCLogic import RESEARCH_USE
    from HNCLogic.images.grid import Grid
    from HNCLogic.images.plain_nrrd import write_plain
    from HNCLogic.job import Delineation, Result
    from HNCLogic.lesions.measures import measure

    pet = sitk.ReadImage(job["images"]["PET"])
    array = SmallPatient.labels()
    for label in set(KINDS) - set(wanted):
        array[array == label] = 0
    labels = Grid.of(pet).image(array)
    lesions, totals = measure(pet, labels, KINDS)
    network = job["delineation"]["method"] == "network"
    out.mkdir(parents=True)
    write_plain(out / "labels.nrrd", labels)
    result = Result(
        task=job["task"],
        research_use=RESEARCH_USE,
        simulated=job.get("simulated"),
        delineation=Delineation(**job["delineation"]).in_words(),
        delineation_trained_on=TRAINED_ON if network else None,
        lesions=lesions,
        totals=totals,
        files={"result": "result.json", "labels": "labels.nrrd"},
        warnings=["This answer was made up for a test."],
    )
    path = out / "result.json"
    path.write_text(result.model_dump_json(), encoding="utf-8")
    return path
