"""Job (what to do) and Result (what came out): plain data that go to and from JSON.

Panels, the command line, batch runs and tests meet here and nowhere else. Positions are in
millimetres in Slicer's patient space, RAS (right-to-left, posterior-to-anterior,
inferior-to-superior all growing), unless a name says otherwise.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from HNCLogic import RESEARCH_USE

Role = Literal["PET", "CT", "T1", "T2", "CE-T1", "DWI-b0", "DWI-b1000", "ADC"]
MR_ROLES = ("T1", "T2", "CE-T1", "DWI-b0", "DWI-b1000", "ADC")
Task = Literal["analyze", "classify", "explain", "segment", "measure", "open"]
Method = Literal["presence", "extension", "parotid"]  # what classify and explain ask
Aggregation = Literal["mean", "median", "majority", "weighted", "max"]
LesionKind = Literal["primary", "node", "lesion"]
Position = tuple[float, float, float]
BoxMm = tuple[float, float, float, float, float, float]  # RAS: low and high of R, of A, of S


class Record(BaseModel):
    """Base of everything that goes to and from JSON: unknown fields and numbers that
    are not finite, which JSON cannot hold, are refused."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class SuvByHand(Record):
    """What the user states about the PET by hand; each value given replaces the file's own."""

    weight_kg: Annotated[float, Field(gt=0, lt=1000)] | None = None
    dose_mbq: Annotated[float, Field(gt=0)] | None = None
    injected: str | None = None  # HH:MM[:SS] on the day of the scan, or YYYY-MM-DDTHH:MM[:SS]
    scan_started: str | None = None  # same forms: the time to which the image is decay-corrected
    half_life_s: Annotated[float, Field(gt=0)] | None = None
    height_m: Annotated[float, Field(gt=0, lt=3)] | None = None
    sex: Literal["M", "F", "O"] | None = None
    units: Literal["SUVbw", "BQML"] | None = None  # for files that do not state their units
    decay_correction: Literal["START", "ADMIN", "NONE"] | None = None


class SuvRecord(Record):
    """How the PET's values became SUVbw (g/ml): travels with the image to result and report."""

    units_found: str  # DICOM Units, or what the file or the user said
    factor_min: float  # multiplies the values in units_found to give SUVbw; slices may differ
    factor_max: float
    formula: str  # in words and numbers, readable by a clinician
    weight_kg: float | None = None
    height_m: float | None = None
    sex: str | None = None
    dose_mbq: float | None = None  # as administered
    dose_at_reference_mbq: float | None = None
    injected: str | None = None  # ISO date and time
    reference_time: str | None = None  # ISO: the time the image's values are corrected to
    decay_correction: str | None = None
    half_life_s: float | None = None
    source: str = ""  # what decided the reference time and the units, in words
    given_by_hand: list[str] = []
    suv_max: float | None = None  # largest value in the image, SUVbw
    warnings: list[str] = []
    research_use: str = RESEARCH_USE


class Region(Record):
    """The stretch of the body that is analysed, in millimetres toward the head (S)."""

    inferior_mm: float
    superior_mm: float
    found_by: str  # "brain in PET", "whole field of view", "set by hand" …


class Delineation(Record):
    """How lesions are outlined. Only the chosen method's parameters are used."""

    method: Literal["network", "fixed", "percent", "adaptive"] = "network"
    fixed_suv: Annotated[float, Field(gt=0, le=100)] = 4.0
    percent: Annotated[float, Field(gt=0, lt=100)] = 41.0
    adaptive_fraction: Annotated[float, Field(gt=0, lt=1)] = 0.4
    candidate_suv: Annotated[float, Field(gt=0, le=100)] = 2.5  # hot spots below are not lesions
    minimum_ml: Annotated[float, Field(ge=0)] = 0.1
    seeds: list[Position] = []  # RAS; with seeds only the lesions at them are outlined
    exclude_brain: bool = True
    fast: bool = False  # network of method 3: patches twice as far apart as usual

    def in_words(self) -> str:
        """The method and its parameters, for results and reports."""
        words = {
            "network": "neural network",
            "fixed": f"fixed threshold, SUV {self.fixed_suv:g}",
            "percent": f"{self.percent:g} % of each lesion's SUVmax",
            "adaptive": "adaptive threshold against the local background, "
            f"fraction {self.adaptive_fraction:g}",
        }
        return words[self.method]


class Job(Record):
    """What to do."""

    task: Task = "analyze"
    images: dict[Role, Path]
    out: Path
    mask: Path | None = None  # measure: the lesions; explain: annotated slices to compare with
    series: dict[Role, str] = {}  # series instance UID or number, where a folder holds several
    suv: SuvByHand = SuvByHand()
    region_mm: tuple[float, float] | None = None  # inferior, superior (S); None: found by itself
    margin_mm: float = 0.0  # added to the region found, at both ends; may be negative
    method: Method = "presence"
    model: str | None = None  # of extension or parotid: a name, or a model folder
    voi_centre: Position | None = None  # extension: what is judged; None: where the extractor says
    box_mm: BoxMm | None = None  # parotid: about the tumour
    box_file: Path | None = None  # the same: a markups ROI (.mrk.json), or a mask of the tumour
    presence_model: str = "presence-petct"  # a name, or a model folder
    volume_model: str = "tumour-volume-petct"
    aggregation: Aggregation | None = None  # None: the model card's own
    threshold: Annotated[float, Field(ge=0, le=1)] | None = None  # None: the model card's own
    delineation: Delineation = Delineation()
    overwrite: bool = False
    simulated: str | None = None  # set where the images are simulated: says so everywhere
    plain: bool = False  # for a panel: label map and heat map as they are, no pictures, no report


class FoldAnswer(Record):
    fold: int  # 1…
    probability: float
    threshold: float | None = None


class WindowAnswer(Record):
    """One window along the neck, inferior to superior."""

    index: int
    first_slice: int  # of the prepared stack, inferior = 0
    last_slice: int
    inferior_mm: float
    superior_mm: float
    probability: float  # mean of the folds
    folds: list[float]


class Presence(Record):
    """Is there cancer, and how sure."""

    probability: float | None  # None with aggregation "majority", which gives a verdict only
    verdict: Literal["positive", "negative"]
    threshold: float
    threshold_source: str
    aggregation: Aggregation
    folds: list[FoldAnswer]
    fold_spread: float  # standard deviation of the folds' probabilities
    windows: list[WindowAnswer]
    model: str
    trained_on: str


class Extension(Record):
    """Is there extracapsular extension; positions in RAS, mm."""

    probability: float  # mean of the folds
    verdict: Literal["positive", "negative"]
    threshold: float
    threshold_source: str
    folds: list[FoldAnswer]
    fold_spread: float
    voi_centre: Position
    voi_corners: list[Position]  # the eight corners of what the classifiers judged
    voi_found_by: str
    region: Region
    model: str
    trained_on: str


class SliceShare(Record):
    """How much of the answer rests on one slice; mean of the folds."""

    index: int
    position_mm: float  # S, of the middle of the box in this slice
    attention: float  # share of the attention that the slice receives
    contribution: float  # share of the pooled values that come from it


class Parotid(Record):
    """What kind of tumour is it."""

    kind: str  # the most probable class
    probabilities: dict[str, float]  # by class: mean of the folds
    folds: list[dict[str, float]]  # the same from each fold's network
    fold_spread: float  # standard deviation of the folds' probabilities of ``kind``
    slices: list[SliceShare]
    box_mm: BoxMm
    box_from: str  # in words, without path or name
    planes: Role  # whose slices were looked at; the heat map lies on its grid
    model: str
    trained_on: str


class SliceHeat(Record):
    index: int  # of the heat map's own grid, along its slice axis
    position_mm: float  # S
    heat: float  # largest Grad-CAM value in the slice, 0 to 1
    annotated: bool | None = None  # does the given mask mark the slice


class Explanation(Record):
    """Where the network looked: Grad-CAM, per-slice maxima."""

    slices: list[SliceHeat]
    hottest_ras: Position | None = None  # in the region analysed; None where there is no heat
    slice_auroc: float | None = None  # heat against annotated slices
    slice_spearman: float | None = None


class Lesion(Record):
    label: int  # its value in the label map, 1…
    name: str
    kind: LesionKind
    mtv_ml: float
    suv_max: float
    suv_mean: float
    suv_peak: float  # mean of the hottest 1 ml sphere
    tlg_ml: float  # SUVmean x MTV, in SUV·ml (that is g)
    dmax_mm: float  # largest distance between two of its voxels' centres
    centroid_ras: Position
    suv_max_ras: Position
    side: Literal["left", "right", "midline"]


class Totals(Record):
    """The same measures over all lesions of a kind taken together."""

    group: Literal["primary", "nodes", "all"]
    count: int
    mtv_ml: float
    suv_max: float | None
    suv_mean: float | None
    suv_peak: float | None
    tlg_ml: float
    dmax_mm: float
    centroid_ras: Position | None
    side: Literal["left", "right", "midline", "both"] | None

    @classmethod
    def none(cls, group: Literal["primary", "nodes", "all"]) -> Totals:
        """The totals of no lesions at all."""
        return cls(
            group=group,
            count=0,
            mtv_ml=0.0,
            suv_max=None,
            suv_mean=None,
            suv_peak=None,
            tlg_ml=0.0,
            dmax_mm=0.0,
            centroid_ras=None,
            side=None,
        )


class ImageRecord(Record):
    """An input image as the result remembers it: no path, no name, nothing of the patient."""

    role: Role
    size: tuple[int, int, int]  # x, y, z
    spacing_mm: tuple[float, float, float]
    sha256: str  # of voxels and geometry
    source: str  # "DICOM series of 267 slices", "NIfTI file" …


class Provenance(Record):
    """Enough to do it again: software, models, choices, time taken."""

    hnc_version: str
    created: str  # ISO 8601, UTC
    packages: dict[str, str] = {}
    models: dict[str, str] = {}  # name and version → SHA-256 over its weights
    settings: dict[str, str] = {}
    seconds: dict[str, float] = {}


class Result(Record):
    """What came out. File paths are relative to the folder the result lies in."""

    task: Task
    research_use: str
    simulated: str | None = None
    images: list[ImageRecord] = []
    suv: SuvRecord | None = None
    region: Region | None = None
    presence: Presence | None = None
    extension: Extension | None = None
    parotid: Parotid | None = None
    explanation: Explanation | None = None
    delineation: str | None = None
    delineation_trained_on: str | None = None
    lesions: list[Lesion] = []
    totals: list[Totals] = []
    files: dict[str, str] = {}
    views: dict[str, str] = {}  # caption → picture
    warnings: list[str] = []
    provenance: Provenance | None = None

    @property
    def answer(self) -> Presence | Extension | Parotid | None:
        """What the networks say of the patient as a whole; None where none was asked."""
        return self.presence or self.extension or self.parotid
