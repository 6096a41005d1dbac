"""A stand-in for the process of a job, for tests: answers at once, without torch.

It is handed in where a panel would start a process, reads the job that the panel wrote, and
writes a result folder as the real one does.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import qt

from HNCAnalysisLib import SmallPatient

TRAINED_ON = "nothing: made up for a test"


class FakeChild:
    """``FakeChild(ending)`` is called like ``slicer.util.launchConsoleProcess(args, …)``.

    ``ending``: "answer", "wait" (until it is terminated), or the exit code of a failure, before
    which ``says`` is printed. ``jobs``: the jobs that it was given, as plain values.
    """

    def __init__(self, ending="answer", says="", probability=0.81):
        self.ending, self.says, self.probability = ending, says, probability
        self.jobs = []
        self.processes = []

    def __call__(self, args, logCallback=None, completedCallback=None, **_other):
        job = json.loads(Path(args[-1]).read_text(encoding="utf-8"))
        self.jobs.append(job)
        process = _Process(self, job, logCallback, completedCallback)
        self.processes.append(process)
        return process


class _Process:
    """The part of a Popen that a panel uses."""

    def __init__(self, child, job, log, completed):
        self._child, self._job, self._log, self._completed = child, job, log, completed
        self._code = None
        self._steps = iter((self._begin, self._end))
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
        if self._child.ending == "wait":
            self._say({"progress": 0.4, "step": "network, fold 2 of 5", "seconds": 2.0})
            return
        next(self._steps)()

    def _begin(self):
        self._say({"progress": 0.5, "step": "network", "seconds": 0.1})

    def _end(self):
        if self._child.ending != "answer":
            if self._child.says:
                self._log(self._child.says)
            self._finish(self._child.ending)
            return
        path = writeAnswer(self._job, Path(self._job["out"]), self._child.probability)
        self._say({"result": str(path)})
        self._finish(0)

    def _say(self, line):
        self._log(json.dumps(line))

    def _finish(self, code):
        if self._code is None:
            self._code = code
            self._timer.stop()
            self._completed(code)


def writeAnswer(job, out, probability):
    """A result folder for the small patient; gives the path of ``result.json``."""
    import SimpleITK as sitk

    from HNCLogic import RESEARCH_USE
    from HNCLogic.images.plain_nrrd import write_plain

    out.mkdir(parents=True)
    heat = np.exp(-((SmallPatient.distanceTo(SmallPatient.HOT) / 25.0) ** 2)).astype(np.float32)
    image = sitk.GetImageFromArray(heat)
    image.SetSpacing(SmallPatient.SPACING)
    image.SetOrigin([-v for v in SmallPatient.ORIGIN[:2]] + [SmallPatient.ORIGIN[2]])  # LPS
    write_plain(out / "heatmap.nrrd", image)
    threshold = job.get("threshold", 0.45)
    result = {
        "task": job["task"],
        "research_use": RESEARCH_USE,
        "simulated": job.get("simulated"),
        "presence": _presence(job, probability, threshold),
        "explanation": {
            "slices": [
                {
                    "index": n,
                    "position_mm": SmallPatient.ORIGIN[2] + SmallPatient.SPACING[2] * n,
                    "heat": float(heat[n].max()),
                    "annotated": (18 <= n <= 22) if "mask" in job else None,
                }
                for n in range(len(heat))
            ],
            "hottest_ras": SmallPatient.HOT,
            "slice_auroc": 0.97 if "mask" in job else None,
        },
        "files": {"result": "result.json", "heatmap": "heatmap.nrrd"},
        "warnings": ["This answer was made up for a test."],
    }
    path = out / "result.json"
    path.write_text(json.dumps(result), encoding="utf-8")
    return path


def _presence(job, probability, threshold):
    folds = [probability + off for off in (-0.06, -0.02, 0.0, 0.03, 0.05)]
    middles = [330.0 + 30.0 * n for n in range(7)]
    windows = []
    for n, middle in enumerate(middles):
        of_window = probability * float(np.exp(-(((middle - SmallPatient.HOT[2]) / 70.0) ** 2)))
        windows.append(
            {
                "index": n,
                "first_slice": 5 * n,
                "last_slice": 5 * n + 8,
                "inferior_mm": middle - 30.0,
                "superior_mm": middle + 30.0,
                "probability": of_window,
                "folds": [max(0.0, of_window + off) for off in (-0.05, -0.02, 0.0, 0.03, 0.04)],
            }
        )
    return {
        "probability": probability,
        "verdict": "positive" if probability >= threshold else "negative",
        "threshold": threshold,
        "threshold_source": "set by hand" if "threshold" in job else "made up",
        "aggregation": job.get("aggregation", "mean"),
        "folds": [{"fold": n, "probability": p} for n, p in enumerate(folds, 1)],
        "fold_spread": float(np.std(folds)),
        "windows": windows,
        "model": "made-up 0.1",
        "trained_on": TRAINED_ON,
    }
