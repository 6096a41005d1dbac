"""A run's answer as nodes: the segmentation with its result and its table."""

from __future__ import annotations

from HNCLogic.scene.adopt import mark, note_result, place_under_study_of
from HNCLogic.scene.notes import note_on, notes
from HNCLogic.scene.result_text import RESULT_NAME, write_text
from HNCLogic.scene.segments import add_segmentation
from HNCLogic.scene.tables import add_lesion_table
from HNCLogic.scene.voxel_files import read_labels
from HNCSegmentLib import SegmentationRecord as record


def put(scene, result, folder, pet, name):
    """A generator that returns the new segmentation node; what stops half-way leaves nothing.

    ``result``: of a plain segment job whose files lie in ``folder``; ``pet``: the node it was
    made in, None where that is gone; ``name``: the segmentation's, where it is free.
    """
    labels = yield from read_labels(folder / result.files["labels"])
    made = []
    try:
        name = scene.GenerateUniqueName(name)
        segmentation = add_segmentation(scene, labels, result.lesions, name, pet)
        made.append(mark(segmentation, "segmentation"))
        yield 0.9
        table = mark(add_lesion_table(scene, result.lesions, result.totals), "lesion_table")
        text = mark(scene.AddNewNodeByClass("vtkMRMLTextNode", RESULT_NAME), "text")
        made += [table, text]
        note_on(segmentation, notes(result, result.delineation_trained_on))
        record.keep(segmentation, pet, text, table)
        write_text(text, result)
        if pet is not None:
            tree = scene.GetSubjectHierarchyNode()
            note_result(tree, place_under_study_of(scene, pet, made), result)
        yield 1.0
    except BaseException:
        for node in made:
            scene.RemoveNode(node)
        raise
    return segmentation
