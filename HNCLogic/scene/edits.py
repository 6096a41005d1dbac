"""What a clinician does to lesions as a whole: delete, relabel, merge, split; and undo of each.

vtkSegmentationHistory is not used for it: it puts back whole states, so taking back an edit would
take back everything painted since. Here each edit is undone by itself, on the segments that it
changed, and whatever else happened meanwhile stays.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from HNCLogic.errors import InputError
from HNCLogic.lesions.codes import TYPES
from HNCLogic.lesions.splitting import split
from HNCLogic.scene.kept_segment import KeptSegment
from HNCLogic.scene.relabel import copy_of, free_colour, name_of_part, relabel, say_again, words_of
from HNCLogic.scene.segment_voxels import (
    BINARY_LABELMAP,
    Piece,
    common,
    lattice_of,
    minus,
    moved,
    piece_of,
    union,
    write_piece,
)
from HNCLogic.scene.segments import segment_id
from HNCLogic.scene.terminology import kind_of

if TYPE_CHECKING:  # pydantic is not there before the user agreed to install it
    from HNCLogic.job import LesionKind

MOST_STEPS = 50
MOST_BYTES = 64 * 2**20


@dataclass
class _Done:
    """An edit that was made: how to take it back, and how to make it again after that."""

    undo: Callable[[], None]
    again: Callable[[], _Done | None]
    bytes: int = 0


class LesionEdits:
    """Deleting, relabelling, merging and splitting a segmentation's lesions, with undo.

    Segments are named by their ids. Voxels stay exact, on whatever grid they are; no edit takes a
    voxel from a lesion that it is not about. Undo and redo, 50 steps deep, act on the segments as
    they are then:

    - what was painted or erased in a lesion since stays painted or erased. Merged lesions that
      are taken apart again share the voxels that are left, what was added stays with the largest;
      split ones are joined as they have become. A name, colour or term that the user has changed
      since stays as the user made it.
    - a deleted lesion comes back whole. Voxels that others have taken meanwhile they keep, and
      the two overlap.
    - a lesion that was deleted in the Segment Editor since does not come back.

    Methods raise InputError, in words to show, where they cannot do it; then nothing has changed.
    """

    def __init__(self, segmentation_node: Any):
        self.node = segmentation_node
        self._done: deque[_Done] = deque(maxlen=MOST_STEPS)
        self._undone: list[Callable[[], _Done | None]] = []

    @property
    def can_undo(self) -> bool:
        return bool(self._done)

    @property
    def can_redo(self) -> bool:
        return bool(self._undone)

    def delete(self, ids: Iterable[str]) -> None:
        """Remove lesions, physiological uptake say."""
        self._do(lambda: self._delete(self._known(ids)))

    def set_kind(self, ids: Iterable[str], kind: LesionKind) -> None:
        """Call lesions primary, node or (unclassified) lesion: term, colour, and name.

        A name given by number ("Node 2") becomes the first that is free of the new kind; one that
        the user gave stays. Lesions that are of the kind already stay as they are.
        """
        if kind not in TYPES:
            raise InputError(f"a lesion is one of {', '.join(TYPES)}, not {kind}")
        self._do(lambda: self._set_kind(self._known(ids), kind))

    def merge(self, ids: Iterable[str]) -> str:
        """Make one lesion of several, touching or not: the largest, whose id is returned."""
        known = self._known(ids)
        if len(known) < 2:
            raise InputError("select two lesions or more to merge them into one")
        largest = self._largest(known)
        self._do(lambda: self._merge(known))
        return largest

    def split(self, one: str) -> list[str]:
        """Make a lesion of each part (``lesions.splitting``); returns the ids, the largest first.

        The largest part keeps the lesion's id and name, the others are of the same kind. Raises
        InputError where there is nothing to split.
        """
        (known,) = self._known([one])
        made: list[str] = []
        self._do(lambda: self._split(known, made))
        return [known, *made]

    def undo(self) -> bool:
        """Take back the last edit that is not taken back yet; False where there is none."""
        if not self._done:
            return False
        done = self._done.pop()
        with self._at_once():
            done.undo()
        self._undone.append(done.again)
        return True

    def redo(self) -> bool:
        """Make the edit again that was taken back last; False where there is none."""
        if not self._undone:
            return False
        again = self._undone.pop()
        with self._at_once():
            done = again()
        if done is not None:
            self._done.append(done)
        return True

    def _do(self, edit: Callable[[], _Done | None]) -> None:
        with self._at_once():
            done = edit()
        if done is None:
            return
        self._undone.clear()
        self._done.append(done)
        while len(self._done) > 1 and sum(each.bytes for each in self._done) > MOST_BYTES:
            self._done.popleft()

    @contextmanager
    def _at_once(self) -> Iterator[None]:
        """Observers of the node hear of an edit when it is done."""
        changing = self.node.StartModify()
        try:
            yield
        finally:
            self.node.EndModify(changing)

    @property
    def _segmentation(self) -> Any:
        return self.node.GetSegmentation()

    def _segment(self, one: str) -> Any:
        return self._segmentation.GetSegment(one)

    def _there(self, ids: Iterable[str]) -> list[str]:
        """Those of the ids that still exist, in the segmentation's order."""
        asked = set(ids)
        return [one for one in self._segmentation.GetSegmentIDs() if one in asked]

    def _known(self, ids: Iterable[str]) -> list[str]:
        asked = list(ids)
        there = self._there(asked)
        if not there or set(asked) != set(there):
            raise InputError("the lesion is not in the segmentation any more: select it again")
        return there

    def _delete(self, ids: list[str]) -> _Done | None:
        if not ids:
            return None
        kept = [KeptSegment(self.node, one) for one in ids]
        for one in ids:
            self._segmentation.RemoveSegment(one)

        def undo() -> None:
            for each in reversed(kept):
                each.put_back(self.node)

        size = sum(each.bytes for each in kept)
        return _Done(undo, lambda: self._delete(self._there(ids)), size)

    def _set_kind(self, ids: list[str], kind: LesionKind) -> _Done | None:
        before, after = {}, {}
        for one in ids:
            segment = self._segment(one)
            if kind_of(segment) == kind:
                continue
            before[one] = words_of(segment)
            relabel(self._segmentation, one, kind)
            after[one] = words_of(segment)
        if not before:
            return None

        def undo() -> None:
            for one in self._there(before):
                say_again(self._segment(one), before[one], after[one])

        return _Done(undo, lambda: self._set_kind(self._there(ids), kind))

    def _largest(self, ids: list[str]) -> str:
        return max(ids, key=lambda one: self._millilitres(one))

    def _millilitres(self, one: str) -> float:
        return piece_of(self._segment(one)).voxels * abs(np.linalg.det(self._lattice(one)[:3, :3]))

    def _merge(self, ids: list[str]) -> _Done | None:
        if len(ids) < 2:
            return None
        into = self._largest(ids)
        first = KeptSegment(self.node, into)
        others = [KeptSegment(self.node, one) for one in ids if one != into]
        theirs = [moved(each.piece, each.lattice, first.lattice) for each in others]
        whole = union(first.piece, *theirs)
        for each in others:
            self._segmentation.RemoveSegment(each.id)
        write_piece(self.node, into, whole)

        def undo() -> None:
            if not self._there([into]):
                return
            now = self._piece_on(into, first.lattice)
            if now.same_as(whole):
                write_piece(self.node, into, first.piece)
                for each in reversed(others):
                    each.put_back(self.node)
                return
            taken = minus(union(*theirs), first.piece)
            write_piece(self.node, into, minus(now, taken))
            for each in reversed(others):
                left = common(each.piece, moved(now, first.lattice, each.lattice))
                each.put_back(self.node, left)

        size = first.bytes + sum(each.bytes for each in others) + whole.inside.nbytes
        return _Done(undo, lambda: self._merge(self._there(ids)), size)

    def _piece_on(self, one: str, lattice: np.ndarray) -> Piece:
        return moved(piece_of(self._segment(one)), self._lattice(one), lattice)

    def _split(self, one: str, made: list[str]) -> _Done | None:
        """``made``: the ids to give the new lesions, as far as there are; all that were given."""
        segment = self._segment(one)
        whole = piece_of(segment)
        lattice = self._lattice(one)
        spacing = np.linalg.norm(lattice[:3, :3], axis=0)[::-1]
        parts = split(whole.inside, spacing) if whole.inside.size else []
        if len(parts) < 2:
            raise InputError(
                f"{segment.GetName()} cannot be split: it is of one piece without a narrow place. "
                "Cut it by hand with the Segment Editor's Scissors, then split it"
            )
        wanted, made[:] = list(made), []
        pieces = [Piece(whole.low, part) for part in parts]
        write_piece(self.node, one, pieces[0])
        for number, part in enumerate(pieces[1:]):
            asked = wanted[number] if number < len(wanted) else ""
            made.append(self._add_part(one, [one, *made][-1], asked, part))

        def undo() -> None:
            if not self._there([one]):
                return
            there = self._there(made)
            joined = union(*(self._piece_on(each, lattice) for each in [one, *there]))
            for each in there:
                self._segmentation.RemoveSegment(each)
            write_piece(self.node, one, moved(joined, lattice, self._lattice(one)))

        def again() -> _Done | None:
            return self._split(one, made) if self._there([one]) else None

        return _Done(undo, again)

    def _lattice(self, one: str) -> np.ndarray:
        return lattice_of(self._segment(one).GetRepresentation(BINARY_LABELMAP))

    def _add_part(self, whole: str, behind: str, wanted: str, part: Piece) -> str:
        """A new segment like ``whole``, in its label map, listed after ``behind``; its id."""
        segmentation, like = self._segmentation, self._segment(whole)
        ids = list(segmentation.GetSegmentIDs())
        label = 1 + max(self._segment(each).GetLabelValue() for each in ids)
        new = wanted or segment_id(label)
        if new in ids:
            new = segmentation.GenerateUniqueSegmentID(new)
        segment = copy_of(like)
        segment.SetName(name_of_part(segmentation, like))
        segment.SetColor(*free_colour(segmentation, kind_of(like)))
        segment.SetLabelValue(label)
        segment.AddRepresentation(BINARY_LABELMAP, like.GetRepresentation(BINARY_LABELMAP))
        following = ids[ids.index(behind) + 1 :]
        segmentation.AddSegment(segment, new, following[0] if following else "")
        write_piece(self.node, new, part)
        return new
