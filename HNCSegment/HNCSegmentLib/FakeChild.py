"""What a child process would answer for the small patient, made up; for tests."""

from __future__ import annotations

import SimpleITK as sitk

from HNCLogic.panels import fake_child
from HNCSegmentLib import SmallPatient

TRAINED_ON = "nothing: made up for a test"
KINDS = {1: "primary", 2: "node"}


class FakeChild(fake_child.FakeChild):
    """``lesions``: the labels of the small patient's lesions that are found."""

    def __init__(self, ending="answer", says="", lesions=(1, 2)):
        self.lesions = lesions
        super().__init__(lambda job, out: writeAnswer(job, out, self.lesions), ending, says)


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
