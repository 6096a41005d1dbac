"""Does a Job: the one place where the steps are put in order.

files → Study → region → prepared tensors → probabilities → back to the patient's grid →
lesions and measures → Result → scene, pictures, report. A step never reaches back.
"""

from __future__ import annotations

import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

from HNCLogic import RESEARCH_USE, extension_verdict, outlines, parotid_verdict, steps, verdict
from HNCLogic.errors import InputError
from HNCLogic.job import Job, Provenance, Region, Result
from HNCLogic.progress import Progress
from HNCLogic.provenance import image_record, provenance
from HNCLogic.steps import Findings

STEPS = {
    "analyze": ("verdict", "heat", "lesions", "views", "scene"),
    "classify": ("verdict",),
    "explain": ("verdict", "heat", "views"),
    "segment": ("lesions", "views"),
    "measure": ("lesions", "views"),
}
# What finds the answer where classify and explain do not go by method 1.
OTHER_METHODS = {"extension": extension_verdict.find, "parotid": parotid_verdict.find}


def run_job(job: Job, progress: Progress = lambda share, words: None) -> Result:
    """Do ``job`` and write everything it gives into ``job.out``: all of it or, on failure, none.

    A job that is ``plain`` or opens images gives plain files for a panel (``handover``) and needs
    neither Slicer's classes nor the report's.

    Raises InputError for whatever the user gave wrong; KeyboardInterrupt passes through after
    the half-written folder is gone.
    """
    from HNCLogic.outputs import whole_or_nothing

    steps.require_sense(job)
    _keep_inputs(job)
    with whole_or_nothing(job.out, job.overwrite) as folder:
        if job.task == "open":
            from HNCLogic.handover import open_images

            return open_images(job, folder, progress)
        return write(job, find(job, progress), folder, progress)


def _keep_inputs(job: Job) -> None:
    """Refuse to replace a folder that holds what is to be read, a corrected outline say."""
    out = job.out.resolve()
    for path in (*job.images.values(), job.mask, job.box_file):
        if path is not None and path.resolve().is_relative_to(out):
            raise InputError(
                f"{path} lies in {job.out}, which would be replaced: give another folder for the "
                "results"
            )


def _require_slicer() -> None:
    """Without slicer-core say so before the networks' minutes, not after. Raises InputError."""
    if "slicer" not in sys.modules and find_spec("slicer") is None:
        from HNCLogic.scene import application

        application.start()  # which says what is missing, and how to install it


def find(job: Job, progress: Progress) -> Findings:
    """Everything that is computed; writes nothing."""
    wanted = STEPS[job.task]
    if "views" in wanted and not job.plain:
        _require_slicer()
    if job.method in OTHER_METHODS:
        return OTHER_METHODS[job.method](job, progress)
    # Opened before anything is computed: a broken model is told at once.
    presence_model = verdict.open_model(job) if "verdict" in wanted else None
    volume_model = outlines.open_model(job) if "lesions" in wanted else None
    progress(0.0, "reading images")
    found = steps.read(job)
    if "verdict" in wanted:
        share = 0.3 if "lesions" in wanted else 0.8
        verdict.presence_and_heat(
            job,
            found,
            presence_model,
            "heat" in wanted,
            lambda s, words: progress(0.05 + share * s, words),
        )
    if "lesions" in wanted:
        begin = 0.35 if "verdict" in wanted else 0.05
        outlines.lesions(
            job,
            found,
            volume_model,
            lambda s, words: progress(begin + (0.85 - begin) * s, words),
        )
    return found


def write(job: Job, found: Findings, folder: Path, progress: Progress) -> Result:
    """Write what was found into ``folder``; gives the Result that is also in ``result.json``."""
    from HNCLogic.lesions.table import write_csv
    from HNCLogic.report.json_out import write_json

    wanted = STEPS[job.task]
    result = _result(job, found)
    result.files = {"result": "result.json"} | ({} if job.plain else {"report": "report.html"})
    if "lesions" in wanted and found.labels is not None:
        result.files["lesions"] = "lesions.csv"
        write_csv(folder / "lesions.csv", result)
    if job.plain:
        from HNCLogic.handover import write_voxels

        progress(0.86, "handing over")
        write_voxels(found, result, folder)
        found.lap("handing over")
    elif "views" in wanted:
        progress(0.86, "pictures and scene")
        _draw(found, result, folder, with_scene="scene" in wanted)
        found.lap("pictures and scene")
    elif found.heatmap is not None:
        from HNCLogic.scene.save import save_heat_map

        progress(0.86, "heat map")
        result.files["heatmap"] = "heatmap.nrrd"
        save_heat_map(found.heatmap, folder / "heatmap.nrrd", result)
        found.lap("writing the heat map")
    result.provenance = _provenance(job, found)
    if not job.plain:
        from HNCLogic.report.html import write_report

        progress(0.97, "report")
        write_report(result, folder)
    write_json(result, folder)
    progress(1.0, "done")
    return result


def _result(job: Job, found: Findings) -> Result:
    return Result(
        task=job.task,
        research_use=RESEARCH_USE,
        simulated=job.simulated,
        images=[
            image_record(role, image, found.study.sources.get(role, ""))
            for role, image in found.study.images.items()
        ],
        suv=found.study.suv,
        region=_region(found),
        presence=found.presence,
        extension=found.extension,
        parotid=found.parotid,
        explanation=found.explanation,
        delineation=found.delineation,
        delineation_trained_on=found.delineation_trained_on,
        lesions=found.lesions,
        totals=found.totals,
        warnings=found.warnings,
        provenance=_provenance(job, found),
    )


def _provenance(job: Job, found: Findings) -> Provenance:
    region = _region(found)
    settings = {"task": job.task}
    if any(one is not None for one in (found.presence, found.extension, found.parotid)):
        settings["method"] = job.method
        settings["verdict computed by"] = found.judged_by
    if region is not None:
        settings["region"] = region.found_by
    if found.presence is not None:
        own = "the model's own"
        settings["aggregation"] = job.aggregation or own
        settings["threshold"] = own if job.threshold is None else f"{job.threshold:g}"
    if found.extension is not None:
        settings["threshold"] = found.extension.threshold_source
        settings["volume judged"] = found.extension.voi_found_by
    if found.parotid is not None:
        settings["box"] = found.parotid.box_from
    settings |= _outlining(job, found)
    outlined = found.pet_region or region
    if found.delineation is not None and job.task != "measure" and outlined != region:
        settings["region of the outlines"] = (
            f"S {outlined.inferior_mm:.1f} to {outlined.superior_mm:.1f} mm: {outlined.found_by}"
        )
    return provenance(settings, found.models, found.seconds)


def _region(found: Findings) -> Region | None:
    """The region that results name: the verdict's; without one that of the outlines. None where a
    box was looked at."""
    return found.region if found.presence is not None else found.pet_region or found.region


def _outlining(job: Job, found: Findings) -> dict[str, str]:
    """How the lesions came about, as far as it was up to the settings; empty without lesions."""
    if found.delineation is None:
        return {}
    words = {"delineation": found.delineation}
    asked = job.delineation
    if job.task == "measure":
        return words
    if found.outlined_by is not None:
        words["outlines computed by"] = found.outlined_by
    if asked.fast:
        words["patches"] = "further apart than usual (fast)"
    if asked.method != "network":
        words["hot spots"] = f"from SUV {asked.candidate_suv:g}"
        words["brain"] = "left out" if asked.exclude_brain else "kept"
        if asked.seeds:
            places = ("R {:.1f}, A {:.1f}, S {:.1f} mm".format(*seed) for seed in asked.seeds)
            words["only the lesions at"] = "; ".join(places)
    return words | {"smallest lesion": f"{asked.minimum_ml:g} ml"}


def _draw(found: Findings, result: Result, folder: Path, *, with_scene: bool) -> None:
    """Scene, segmentation, heat map and pictures, by way of Slicer's own classes.

    Where nothing can be drawn (no OpenGL) the pictures are left out, with a warning.
    """
    from HNCLogic.scene import application, build, save, views

    if found.labels is not None:
        result.files["segmentation"] = "segmentation.seg.nrrd"
    if found.heatmap is not None:
        result.files["heatmap"] = "heatmap.nrrd"
        save.save_heat_map(found.heatmap, folder / "heatmap.nrrd", result)
    content = build.SceneContent(
        images=found.study.images, labels=found.labels, heatmap=found.heatmap, result=result
    )
    nodes = build.build(application.start(), content)
    if nodes.segmentation is not None:
        save.save_segmentation(nodes.segmentation, folder / "segmentation.seg.nrrd")
    pictures: dict[str, str] = {}
    (folder / "views").mkdir()
    try:
        pictures = views.render_views(nodes, folder / "views")
    except InputError as error:
        result.warnings.append(f"No pictures: {error}")
        shutil.rmtree(folder / "views")
    result.views = {caption: f"views/{name}" for caption, name in pictures.items()}
    if with_scene:
        result.files["scene"] = "scene.mrb"
        thumbnail = next((folder / name for name in result.views.values()), None)
        save.save_scene(nodes.application, folder / "scene.mrb", thumbnail)
