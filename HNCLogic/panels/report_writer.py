"""What a panel writes: the report with its pictures and files, or one of the files alone.

A report holds no path and nothing of the patient's; a scene (.mrb), written where asked, holds
whatever the user has loaded.
"""

from __future__ import annotations

import shutil
from collections.abc import Generator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slicer.i18n import tr as _

from HNCLogic.in_steps import retold
from HNCLogic.panels.warm_up import warm_up_report

if TYPE_CHECKING:
    from HNCLogic.job import Result

REPORT, LESIONS, SEGMENTATION, SCENE = (
    "report.html",
    "lesions.csv",
    "segmentation.seg.nrrd",
    "scene.mrb",
)
EDITED = "outlines edited by the user"  # stands beside the method, in report, table and CSV alike


def write(
    result: Result,
    volumes: dict[str, Any],
    folder: Path,
    segmentation: Any = None,
    heatmap: Any = None,
    lesions_of: dict[str, Any] | None = None,
    with_scene: bool = False,
    overwrite: bool = True,
) -> Generator[str, None, Path]:
    """Write report, lesions, segmentation and, ``with_scene``, the scene into ``folder``.

    In steps that yield what is done next, in words; returns the report's path. ``result`` has the
    lesions as they are now, and where the user has edited them EDITED beside their method.
    ``volumes`` maps roles to the volume nodes, ``lesions_of`` segment ids to the result's lesions
    (as ``scene.gather`` has it). The folder holds all of it at the end, or, closed half-way or
    with an exception, what it held before; an earlier report in it is replaced, with
    ``overwrite``, and nothing else ever. The scene and its views are left as they were.

    Raises InputError where the folder cannot be written or holds what is not ours, where there
    is no volume, and where outlines and lesions do not fit one another; OSError where a file
    does not get whole.
    """
    from HNCLogic.lesions.table import write_csv as write_table
    from HNCLogic.outputs import whole_or_nothing
    from HNCLogic.report.html import write_report
    from HNCLogic.scene import save
    from HNCLogic.scene.application import of_desktop
    from HNCLogic.scene.gather import gather

    folder = Path(folder)
    result = result.model_copy(update={"files": {"report": REPORT}, "views": {}}, deep=True)
    with whole_or_nothing(folder, overwrite) as stage:
        yield _("reading the images")
        gathering = gather(of_desktop(), volumes, result, segmentation, heatmap, lesions_of)
        nodes = yield from retold(gathering, lambda _share: _("reading the images"))
        yield from _pictures(nodes, result, stage)
        if segmentation is not None:
            yield _("writing the lesions")
            result.files["lesions"] = LESIONS
            write_table(stage / LESIONS, result)
            yield _("writing the lesions")
            result.files["segmentation"] = SEGMENTATION
            steps = save.segmentation_steps(segmentation, stage / SEGMENTATION)
            yield from retold(steps, lambda _none: _("writing the lesions"))
        if with_scene:
            yield _("saving the scene: the window waits for it")
            result.files["scene"] = SCENE
            thumbnail = next((stage / name for name in result.views.values()), None)
            save.save_scene(nodes.application, stage / SCENE, thumbnail)
        yield _("writing the report")
        yield from (_("writing the report") for _module in warm_up_report())
        write_report(result, stage)
        yield _("putting the files in place")
    return folder / REPORT


def _pictures(nodes: Any, result: Result, stage: Path) -> Generator[str, None, None]:
    """Draw them into the sub-folder ``views``; where nothing can be drawn, that is a warning."""
    from HNCLogic.errors import InputError
    from HNCLogic.scene.views import draw_views

    views = stage / "views"
    views.mkdir()
    yield _("drawing pictures")
    try:
        with closing(draw_views(nodes, views)) as drawing:
            for picture in drawing:
                if picture is not None:
                    caption, name = picture
                    result.views[caption] = f"views/{name}"
                yield _("drawing pictures: {count} done").format(count=len(result.views))
    except InputError as error:
        result.warnings.append(f"No pictures: {error}")
        result.views = {}
        shutil.rmtree(views)


def not_written(error: Exception) -> str:
    """Why nothing was written, in a user's words: an OSError's own speak of our passing files."""
    if isinstance(error, OSError) and error.strerror:
        words = _("It could not be written there ({why}): choose another folder.")
        return words.format(why=error.strerror)
    return str(error)


def write_csv(result: Result, path: Path) -> Path:
    """The lesions and totals alone, as a CSV file, wholly or not at all; gives its path.

    Raises InputError where it cannot be written.
    """
    from HNCLogic.lesions.table import write_csv as write_table
    from HNCLogic.outputs import write_file_whole

    path = _ending(Path(path), ".csv")
    write_file_whole(path, lambda part: write_table(part, result))
    return path


def write_segmentation(segmentation: Any, path: Path) -> Path:
    """The outlines alone, as a .seg.nrrd file, wholly or not at all; gives its path.

    Raises InputError where it cannot be written, OSError where it does not get whole.
    """
    from HNCLogic.outputs import write_file_whole
    from HNCLogic.scene.save import save_segmentation

    path = _ending(Path(path), ".seg.nrrd")
    write_file_whole(path, lambda part: save_segmentation(segmentation, part))
    return path


def _ending(path: Path, ending: str) -> Path:
    """``path`` with this ending, whatever part of it the user has typed."""
    name = path.name
    if name.lower().endswith(ending):
        return path
    if name.lower().endswith(".nrrd"):
        name = name[: -len(".nrrd")]
    return path.with_name(name + ending)


def open_in_browser(path: Path) -> bool:
    """Show a file in the system's browser; where there is none the user is told where it lies."""
    import qt
    import slicer

    done = qt.QDesktopServices.openUrl(qt.QUrl.fromLocalFile(str(path)))
    if not done:
        slicer.util.infoDisplay(
            _("No browser could be opened. The report is here: {path}").format(path=path)
        )
    return bool(done)
