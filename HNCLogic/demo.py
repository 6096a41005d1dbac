"""``hnc demo``: the whole job on a built-in simulated patient, no download, no data."""

from __future__ import annotations

from pathlib import Path

from HNCLogic.job import Job, Result, SuvByHand
from HNCLogic.progress import Progress


def run_demo(out: Path, seed: int, overwrite: bool, progress: Progress) -> Result:
    """Simulate patient ``seed``, analyse it as files from disk, keep its images beside."""
    from HNCLogic.convert import write_volume
    from HNCLogic.outputs import whole_or_nothing
    from HNCLogic.phantom.patient import SIMULATED, simulate
    from HNCLogic.run import find, write

    with whole_or_nothing(out, overwrite) as folder:
        progress(0.0, "simulating a patient")
        patient = simulate(seed, positive=True)
        images = folder / "images"
        images.mkdir()
        for name, image in (("pet", patient.pet), ("ct", patient.ct), ("truth", patient.truth)):
            write_volume(image, images / f"{name}.nrrd", out)
        job = Job(
            task="analyze",
            images={"PET": images / "pet.nrrd", "CT": images / "ct.nrrd"},
            mask=images / "truth.nrrd",
            suv=SuvByHand(units="SUVbw"),
            out=out,
            simulated=SIMULATED,
        )
        return write(job, find(job, progress), folder, progress)
