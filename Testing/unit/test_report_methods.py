"""The report and the summary of methods 4 and 5: what they say, and that names stay text."""

import re
import xml.etree.ElementTree as ET

import pytest

from HNCLogic import RESEARCH_USE
from HNCLogic.job import Extension, FoldAnswer, Parotid, Region, Result, SliceShare
from HNCLogic.report import kind_charts, wording
from HNCLogic.report.frame import Layout
from HNCLogic.report.html import render
from HNCLogic.report.json_out import read_json, write_json
from HNCLogic.report.standalone import colours_on, standalone
from HNCLogic.report.terminal import summary

NECK = Region(inferior_mm=-680.0, superior_mm=-490.0, found_by="nose and acromion in CT")
BOX = (-52.0, -28.0, -17.0, 7.0, -32.0, -8.0)


def extension(*folds: float, threshold: float = 0.5) -> Result:
    mean = sum(folds) / len(folds)
    corners = [(r, a, s) for r in (10, 190) for a in (-100, 80) for s in (-640, -587.5)]
    said = Extension(
        probability=mean,
        verdict="positive" if mean >= threshold else "negative",
        threshold=threshold,
        threshold_source="hand",
        folds=[FoldAnswer(fold=n, probability=p) for n, p in enumerate(folds, start=1)],
        fold_spread=0.02,
        voi_centre=(100.0, -10.0, -613.75),
        voi_corners=corners,
        voi_found_by="Grad-CAM of the extractor",
        region=NECK,
        model="ece 1.0",
        trained_on="simulated necks",
    )
    return Result(task="classify", research_use=RESEARCH_USE, region=NECK, extension=said)


def parotid(*folds: dict[str, float]) -> Result:
    mean = {kind: sum(fold[kind] for fold in folds) / len(folds) for kind in folds[0]}
    said = Parotid(
        kind=max(mean, key=mean.get),
        probabilities=mean,
        folds=list(folds),
        fold_spread=0.04,
        slices=[
            SliceShare(index=n, position_mm=-30.0 + 4 * n, attention=a, contribution=c)
            for n, (a, c) in enumerate([(0.2, 0.1), (0.5, 0.75), (0.3, 0.15)])
        ],
        box_mm=BOX,
        box_from="markups ROI",
        planes="CE-T1",
        model="parotid 1.0",
        trained_on="simulated glands",
    )
    return Result(task="classify", research_use=RESEARCH_USE, parotid=said)


def plain(page: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", page).split())


def test_extension_says_where_it_looked_and_what_it_was_trained_on(tmp_path):
    result = extension(0.8, 0.9)
    shown = plain(render(result, tmp_path))
    for words in (
        "Positive for extracapsular extension",
        "probability of extracapsular extension is 0.85, at or above its threshold of 0.50",
        "All 2 networks, each taken alone, give the same verdict",
        "Judged: 180 × 180 × 52 mm about",
        "−680 to −490 mm toward the head (nose and acromion in CT)",
        "simulated necks",
        RESEARCH_USE,
    ):
        assert words in shown
    assert "cancer is" not in shown
    told = " ".join(summary(result).split())
    assert "Positive for extracapsular extension" in told
    assert "Analysed: −680 to −490 mm toward the head (nose and acromion in CT)." in told
    assert RESEARCH_USE in told
    assert wording.verdict(extension(0.3, 0.6).extension).endswith(", borderline")
    assert wording.tone(extension(0.1, 0.2).extension) == "negative"


def test_parotid_names_the_kind_and_every_probability(tmp_path):
    first, second = ({"benign": b, "malignant": 1 - b} for b in (0.3, 0.1))
    result = parotid(first, second)
    shown = plain(render(result, tmp_path))
    for words in (
        "Most probably malignant",
        "malignant 0.80, benign 0.20",
        "All 2 networks, each taken alone, name the same kind",
        "R −52 to −28, A −17 to 7, S −32 to −8 (markups ROI)",
        "slices of CE-T1",
        "simulated glands",
        RESEARCH_USE,
    ):
        assert words in shown
    assert wording.tone(result.parotid) == "positive"
    split = parotid({"benign": 0.9, "malignant": 0.1}, {"benign": 0.4, "malignant": 0.6}).parotid
    assert wording.verdict(split) == "Most probably benign, borderline"
    assert "1 of 2 networks, each taken alone, names the same kind" in wording.agreement(split)
    assert "malignant 0.80" in " ".join(summary(result).split())
    write_json(result, tmp_path)
    assert read_json(tmp_path) == result


def test_a_kinds_name_is_text_wherever_it_is_shown(tmp_path):
    hostile = '<script>x</script>" class="a'
    result = parotid({hostile: 0.6, "malignant": 0.4})
    page = render(result, tmp_path)
    assert "<script" not in page
    chart = kind_charts.kinds_chart(result.parotid)
    ET.fromstring(standalone(chart, colours_on("#ffffff", "#000000"), "Sans", 12.0))


@pytest.mark.parametrize("layout", [Layout(), Layout(280, 200, 14, legend=True)])
def test_bars_are_as_long_and_slices_as_high_as_their_shares(layout):
    said = parotid({"benign": 0.25, "malignant": 0.75}).parotid
    root = ET.fromstring(kind_charts.kinds_chart(said, layout))
    bars = [one for one in root.iter("rect") if "window" in one.get("class")]
    whole = [one for one in root.iter("rect") if one.get("class") == "annotated"]
    lengths = [
        float(b.get("width")) / float(w.get("width")) for b, w in zip(bars, whole, strict=True)
    ]
    assert lengths == pytest.approx([0.75, 0.25], abs=0.01)
    assert ["yes" in bar.get("class") for bar in bars] == [True, False]
    bottom = max(float(one.get("y")) + float(one.get("height")) for one in whole)
    assert bottom <= kind_charts.kinds_height(said, layout)

    frame = kind_charts.attention_frame(said, layout)
    assert frame.y1 == pytest.approx(0.825)
    root = ET.fromstring(kind_charts.attention_chart(said, layout))
    bars = [one for one in root.iter("rect") if float(one.get("y")) >= frame.top]
    heights = [float(one.get("height")) for one in bars]
    assert [h / sum(heights) for h in heights] == pytest.approx([0.2, 0.5, 0.3], abs=0.01)
    dots = [one for one in root.iter("circle") if float(one.get("cy")) > frame.top]
    assert float(dots[1].get("cy")) == pytest.approx(frame.y(0.75), abs=0.1)
