"""The report, result.json and the summary: whole, true to the Result, and safe."""

from __future__ import annotations

import copy
import re
import struct
import zlib
from html.parser import HTMLParser
from pathlib import Path

import pytest

from HNCLogic import RESEARCH_USE
from HNCLogic.errors import InputError
from HNCLogic.job import (
    Explanation,
    FoldAnswer,
    ImageRecord,
    Lesion,
    Presence,
    Provenance,
    Region,
    Result,
    SliceHeat,
    SuvRecord,
    Totals,
    WindowAnswer,
)
from HNCLogic.report import charts, wording
from HNCLogic.report.html import render, write_report
from HNCLogic.report.json_out import read_json, write_json
from HNCLogic.report.terminal import summary

HOSTILE = "<script>alert('x')</script>\"'&{{7*7}}</style></svg>"


def png(width: int, height: int) -> bytes:
    """A grey PNG."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    rows = zlib.compress((b"\0" + b"\x30" * width) * height)
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def lesion(label: int, kind: str, name: str, ml: float) -> Lesion:
    return Lesion(
        label=label,
        name=name,
        kind=kind,
        mtv_ml=ml,
        suv_max=4.2 + ml / 2,
        suv_mean=3.1 + ml / 4,
        suv_peak=3.9 + ml / 3,
        tlg_ml=ml * (3.1 + ml / 4),
        dmax_mm=12.0 + ml,
        centroid_ras=(-23.4 + label, 41.2, -812.6 + 10 * label),
        suv_max_ras=(-22.0, 40.0, -810.0),
        side="left" if label % 2 else "right",
    )


def totals(group: str, lesions: list[Lesion]) -> Totals:
    return Totals(
        group=group,
        count=len(lesions),
        mtv_ml=sum(one.mtv_ml for one in lesions),
        suv_max=max((one.suv_max for one in lesions), default=None),
        suv_mean=4.13 if lesions else None,
        suv_peak=max((one.suv_peak for one in lesions), default=None),
        tlg_ml=sum(one.tlg_ml for one in lesions),
        dmax_mm=88.4 if lesions else 0.0,
        centroid_ras=lesions[0].centroid_ras if lesions else None,
        side="both" if lesions else None,
    )


def presence() -> Presence:
    folds = [0.91, 0.84, 0.79, 0.88, 0.36]
    heights = [0.12, 0.31, 0.78, 0.93, 0.55, 0.2]
    windows = [
        WindowAnswer(
            index=i,
            first_slice=16 * i,
            last_slice=16 * i + 31,
            inferior_mm=-960.0 + 52.32 * i,
            superior_mm=-960.0 + 52.32 * i + 104.64,
            probability=p,
            folds=[min(1.0, max(0.0, p + d)) for d in (-0.06, 0.03, 0.05, -0.02, 0.01)],
        )
        for i, p in enumerate(heights)
    ]
    return Presence(
        probability=0.756,
        verdict="positive",
        threshold=0.42,
        threshold_source="mean of five folds, where sensitivity and specificity are closest",
        aggregation="mean",
        folds=[FoldAnswer(fold=i + 1, probability=p, threshold=0.42) for i, p in enumerate(folds)],
        fold_spread=0.201,
        windows=windows,
        model="presence-pet 0.1.0",
        trained_on="240 simulated patients and 13 patients with soft-tissue sarcoma of the limbs; "
        "no patient with head and neck cancer.",
    )


def example(folder: Path) -> Result:
    """A result with something in every field; its pictures are written to ``folder``."""
    (folder / "views").mkdir(parents=True, exist_ok=True)
    views = {}
    for name in ("axial", "coronal", "sagittal", "mip"):
        (folder / "views" / f"{name}.png").write_bytes(png(60, 50))
        views[f"{name.capitalize()}, at the hottest lesion"] = f"views/{name}.png"
    lesions = [
        lesion(1, "primary", "Primary 1", 14.237),
        lesion(2, "node", "Node 1", 3.118),
        lesion(3, "node", "Node 2", 0.434),
    ]
    return Result(
        task="analyze",
        research_use=RESEARCH_USE,
        simulated="Made by the built-in simulation, seed 7.",
        images=[
            ImageRecord(
                role="PET",
                size=(192, 192, 267),
                spacing_mm=(3.646, 3.646, 3.27),
                sha256="ab" * 32,
                source="DICOM series of 267 slices",
            ),
            ImageRecord(
                role="CT",
                size=(512, 512, 200),
                spacing_mm=(0.9765625, 0.9765625, 3.0),
                sha256="0f" * 32,
                source="NIfTI file",
            ),
        ],
        suv=SuvRecord(
            units_found="BQML",
            factor_min=0.000271,
            factor_max=0.000271,
            formula="SUVbw = value × 78 kg × 1000 / 287.1 MBq at the start of the scan",
            weight_kg=78.0,
            height_m=1.75,
            sex="M",
            dose_mbq=412.3,
            dose_at_reference_mbq=287.1,
            injected="2004-05-06T10:12:00",
            reference_time="2004-05-06T11:09:30",
            decay_correction="START",
            half_life_s=6586.2,
            source="series time; all slices agree",
            given_by_hand=["weight_kg"],
            suv_max=21.94,
        ),
        region=Region(inferior_mm=-960, superior_mm=-600, found_by="brain in PET"),
        presence=presence(),
        explanation=Explanation(
            slices=[
                SliceHeat(
                    index=i,
                    position_mm=-960 + 3.27 * i,
                    heat=max(0.0, 1 - abs(i - 60) / 25) ** 2,
                    annotated=50 <= i <= 66 or 74 <= i <= 78,
                )
                for i in range(110)
            ],
            hottest_ras=(-21.5, 44.1, -763.8),
            slice_auroc=0.914,
            slice_spearman=-0.637,
        ),
        delineation="neural network",
        delineation_trained_on="240 simulated patients; no real head and neck tumour.",
        lesions=lesions,
        totals=[
            totals("primary", lesions[:1]),
            totals("nodes", lesions[1:]),
            totals("all", lesions),
        ],
        files={
            "result": "result.json",
            "report": "report.html",
            "segmentation": "segmentation.seg.nrrd",
            "heatmap": "heatmap.nrrd",
            "scene": "scene.mrb",
        },
        views=views,
        warnings=[
            "The body weight was given by hand; the file has 80 kg.",
            "Slice 41 of the CT is missing and was filled from its neighbours.",
        ],
        provenance=Provenance(
            hnc_version="0.1.0",
            created="2026-11-21T12:34:56+00:00",
            packages={"torch": "2.13.0", "numpy": "2.2.6"},
            models={"presence-pet 0.1.0": "c0ffee" * 10 + "beef"},
            settings={"aggregation": "mean", "threshold": "the model's own"},
            seconds={"reading": 2.113, "network": 14.82, "pictures and scene": 5.2},
        ),
    )


class Page(HTMLParser):
    """Tags, attributes and visible text; complains of tags that do not match."""

    VOID = {"meta", "img", "br", "rect", "path", "circle", "link", "input", "hr"}

    def __init__(self, html: str):
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict]] = []
        self.words: list[str] = []
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def count(self, tag: str) -> int:
        return sum(name == tag for name, _ in self.tags)


@pytest.fixture
def result(tmp_path) -> Result:
    return example(tmp_path)


def test_an_empty_heat_map_has_no_hottest_point_to_tell(tmp_path, result):
    assert "Hottest point: L" in Page(render(result, tmp_path)).text
    result.explanation.hottest_ras = None
    text = Page(render(result, tmp_path)).text
    assert "The heat map is empty: there is no hottest point." in text
    assert "Hottest point" not in text
    assert Result.model_validate_json(result.model_dump_json()) == result


def test_report_shows_everything_the_result_holds(tmp_path, result):
    path = write_report(result, tmp_path)
    assert path == tmp_path / "report.html"
    page = Page(path.read_text(encoding="utf-8"))
    for words in (
        RESEARCH_USE,
        "Simulated images. Made by the built-in simulation, seed 7.",
        "Positive for cancer",
        "probability of cancer is 0.76, at or above its threshold of 0.42",
        "4 of 5 networks, each taken alone, give the same verdict",
        "1 primary tumour and 2 lymph nodes, 17.8 ml in all.",
        "Outlined by: neural network",
        "14.24 11.32 6.66 8.65 94.8 26.2",
        "L\u202f22 A\u202f41 I\u202f803",
        "2 warnings",
        *result.warnings,
        "Body weight 78 kg given by hand",
        "Injected at 2004-05-06 10:12:00",
        "0.000271",
        "Largest SUV 21.94",
        "no patient with head and neck cancer",
        "no real head and neck tumour",
        "AUROC 0.91, Spearman −0.64",
        "−960 to −600 mm toward the head (brain in PET)",
        "512 × 512 × 200",
        "0.9766 × 0.9766 × 3",
        "c0ffee" * 10 + "beef",
        "torch 2.13.0",
        "network 14.8",
        "segmentation.seg.nrrd",
    ):
        assert " ".join(words.split()) in page.text, words
    assert "disagree" not in page.text
    assert page.text.count("given by hand") == 2  # its warning, and the weight's own mark


def test_report_stands_alone(tmp_path, result):
    html = write_report(result, tmp_path).read_text(encoding="utf-8")
    page = Page(html)
    assert page.count("img") == 4
    for tag, attributes in page.tags:
        assert tag not in ("script", "link", "iframe", "object", "base", "form")
        for name, value in attributes.items():
            assert not name.startswith("on")
            if name in ("src", "href", "xlink:href"):
                assert value.startswith("data:image/png;base64,")
    assert "http" not in html.replace("http-equiv", "")
    assert "@import" not in html
    assert "url(" not in html


def everywhere(value, text: str):
    """The same data with every free text replaced."""
    if isinstance(value, dict):
        return {key: everywhere(one, text) for key, one in value.items()}
    if isinstance(value, list):
        return [everywhere(one, text) for one in value]
    return text if isinstance(value, str) else value


def test_hostile_text_is_shown_and_never_obeyed(tmp_path, result):
    data = everywhere(result.model_dump(mode="json"), HOSTILE)
    kept = result.model_dump(mode="json")
    data["task"] = kept["task"]
    data["presence"] |= {name: kept["presence"][name] for name in ("verdict", "aggregation")}
    for new, old in zip(data["lesions"], kept["lesions"], strict=True):
        new |= {"kind": old["kind"], "side": old["side"]}
    for new, old in zip(data["totals"], kept["totals"], strict=True):
        new |= {"group": old["group"], "side": old["side"]}
    for new, old in zip(data["images"], kept["images"], strict=True):
        new["role"] = old["role"]
    data["suv"]["sex"] = data["suv"]["decay_correction"] = HOSTILE
    data["views"] = {HOSTILE: "views/axial.png"}
    data["provenance"]["models"] = data["provenance"]["settings"] = {HOSTILE: HOSTILE}
    hostile = Result.model_validate(data)
    page = Page(render(hostile, tmp_path))
    assert page.count("script") == 0
    assert page.count("style") == 1
    shown = " ".join(HOSTILE.split())
    assert page.text.count(shown) >= 20
    assert "49" not in page.text.replace("0.49", "")
    assert {attrs.get("alt") for tag, attrs in page.tags if tag == "img"} == {HOSTILE}


@pytest.mark.parametrize("name", ["../secret.png", "/etc/hostname", "views/axial.html"])
def test_only_pictures_of_its_own_folder_are_embedded(tmp_path, result, name):
    folder = tmp_path / "out"
    folder.mkdir()
    (tmp_path / "secret.png").write_bytes(png(2, 2))
    result.views = {"x": name}
    with pytest.raises(ValueError, match="not a picture in"):
        write_report(result, folder)


def test_no_lesions(tmp_path, result):
    result.lesions = []
    result.totals = [totals("primary", []), totals("nodes", []), totals("all", [])]
    page = Page(render(result, tmp_path))
    assert "Outlined by: neural network . No lesion was found." in page.text
    assert "positive, yet nothing was outlined" in page.text
    assert "positive, yet nothing was outlined" in " ".join(summary(result).split())
    assert "MTV" not in page.text
    assert page.count("table") == 1  # the images'
    assert "No lesion was outlined" in summary(result)


def test_no_presence(tmp_path, result):
    result.presence = result.explanation = None
    page = Page(render(result, tmp_path))
    assert "Positive" not in page.text
    assert "probability" not in page.text
    assert "1 primary tumour and 2 lymph nodes" in page.text
    assert page.count("svg") == 0


def test_nothing_but_a_verdict(tmp_path):
    bare = Result(task="classify", research_use=RESEARCH_USE, presence=presence())
    bare.presence.folds = bare.presence.folds[:1]
    bare.presence.windows = []
    page = Page(render(bare, tmp_path))
    assert "One network was asked" in page.text
    assert "Where and how much" not in page.text
    assert "How the PET became SUV" not in page.text
    assert "warning" not in page.text


def test_pet_alone(tmp_path, result):
    result.images = result.images[:1]
    page = Page(render(result, tmp_path))
    assert "Head and neck: PET HNC" not in page.text
    assert "Head and neck: PET " in page.text


def test_majority_gives_votes_and_no_probability(tmp_path, result):
    result.presence.aggregation = "majority"
    result.presence.probability = None
    result.presence.verdict = "negative"
    page = Page(render(result, tmp_path))
    assert "1 of 5 networks, each taken alone, gives the same verdict" in page.text
    assert "negative, yet something was outlined" in page.text
    expected = "3 of 6 windows along the neck are at or over the threshold of 0.42"
    assert expected in page.text
    votes = [attrs["class"] for tag, attrs in page.tags if attrs.get("height") == "22"]
    assert votes == ["below", "below", "vote-yes", "vote-yes", "vote-yes", "below"]
    assert expected.split(" along")[0] in " ".join(summary(result).split())


def test_twenty_five_lesions_many_warnings_and_long_names(tmp_path, result):
    long = "a-very-long-model-name-" * 12
    result.lesions = [lesion(i, "node", f"Node {i}", 0.11 * i) for i in range(1, 26)]
    result.totals = [totals("all", result.lesions)]
    result.warnings = [f"Warning number {i}." for i in range(30)]
    result.presence.model = long
    page = Page(render(result, tmp_path))
    assert "30 warnings" in page.text
    assert long in page.text
    assert page.text.count("lymph node ") == 25
    lines = summary(result).splitlines()
    assert max(map(len, lines)) <= 100
    assert sum(line.strip().startswith("Node ") for line in lines) == 25


def test_charts_place_what_they_show(result):
    frame = charts.Frame(-960, -600)
    assert frame.x(-960) == frame.left
    assert frame.x(-600) == charts.WIDTH - frame.right
    assert frame.y(0) == frame.height - frame.bottom
    assert frame.y(1) == frame.top
    drawn = charts.windows_chart(result.presence)
    assert drawn.count('class="window yes"') == 3
    assert drawn.count('class="window no"') == 3
    assert drawn.count('class="fold"') == 30
    heat = charts.heat_chart(result.explanation)
    assert heat.count('class="annotated"') == 2
    widths = [float(w) for w in re.findall(r'class="annotated".*?width="([\d.]+)"', heat)]
    assert widths[0] / widths[1] == pytest.approx(17 / 5, rel=0.02)
    result.explanation.slices = result.explanation.slices[:1]
    assert "nan" not in charts.heat_chart(result.explanation)


@pytest.mark.parametrize(
    ("low", "high", "about", "expected"),
    [
        (0, 1, 5, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (-960, -600, 4, [-900, -800, -700, -600]),
        (3, 3, 5, [3]),
        (-1.2, 0.4, 4, [-1, -0.5, 0]),
    ],
)
def test_ticks_are_round(low, high, about, expected):
    assert charts.ticks(low, high, about) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [
        (None, 2, "–"),
        (3.14159, 2, "3.14"),
        (-0.0004, 2, "0.00"),
        (-12.5, 1, "−12.5"),
        (9999.4, 0, "9999"),
        (1234567.0, 1, "1\u202f234\u202f567.0"),
    ],
)
def test_numbers(value, decimals, text):
    assert wording.number(value, decimals) == text


def test_probabilities_are_never_a_false_certainty():
    shown = [wording.probability(p) for p in (0.0, 0.001, 0.5, 0.9949, 0.9999, 1.0)]
    assert shown == ["0.00", "under 0.01", "0.50", "0.99", "over 0.99", "1.00"]


def test_positions_in_the_patients_letters():
    assert wording.position((12.4, -3.6, -801.2)) == "R\u202f12  P\u202f4  I\u202f801"


def test_an_answer_near_the_threshold_says_so(result):
    result.presence.probability = 0.5
    assert "nearer to the threshold" in wording.agreement(result.presence)
    result.presence.probability = 0.99
    assert "nearer" not in wording.agreement(result.presence)


def test_json_comes_back_the_same(tmp_path, result):
    path = write_json(result, tmp_path)
    assert read_json(path) == read_json(tmp_path) == result


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_json_refuses_what_json_cannot_hold(tmp_path, result, value):
    broken = copy.deepcopy(result)
    broken.lesions[0].suv_max = value
    with pytest.raises(ValueError, match="valid number"):
        write_json(broken, tmp_path)
    assert not (tmp_path / "result.json").exists()


def test_json_that_is_not_ours_is_refused_in_one_line(tmp_path):
    (tmp_path / "result.json").write_text('{"task": "dance"}')
    with pytest.raises(InputError, match=r"result\.json is not a result of HNC: task"):
        read_json(tmp_path)
    with pytest.raises(InputError, match="is not there"):
        read_json(tmp_path / "elsewhere.json")


def test_summary_on_a_terminal(result):
    result.warnings.append("Odd \x1b[31mescape\x07 from a file.")
    text = summary(result, Path("out/case 1"))
    words = " ".join(text.split())
    assert "\x1b" not in text
    assert "\x07" not in text
    for expected in (
        "SIMULATED IMAGES.",
        "Positive for cancer",
        "Primary 1 primary tumour left 14.24 11.32",
        "All lesions 3 lesions both 17.79",
        "Warning: Odd  [31mescape  from a file.",
        "Written to out/case 1: result.json, report.html",
        RESEARCH_USE,
    ):
        assert " ".join(expected.split()) in words, expected
