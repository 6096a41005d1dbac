"""``hnc train`` and ``hnc evaluate`` of methods 2 and 3, tiny, to the page and its tables: a run by
fold, and its model on other patients."""

import csv
import json
import re

import pytest
import SimpleITK as sitk

from Testing.unit.small_cohort import write_cohort

SLICES = (
    'preparation={"pixels":32,"field_mm":176.0}', "base_filters=8", "levels=2", "dropout=0",
    "learning_rate=0.01", "batch=8", "micro_batch=8", "epochs=12", "repeats=1",
    'left_out={"MR":0.3}',
)  # fmt: skip
VOLUME = (
    'preparation={"spacing_mm":5.0,"pixels":48,"patch_slices":16,"stride":8}', "widths=[4,8,8]",
    "heads=2", 'optimiser="adam"', "learning_rate=0.01", "batch=2", "micro_batch=2", "epochs=4",
    "patches=12", "tumour_share=0.8", "ct_left_out=0.3",
)  # fmt: skip
MONTHS = (14.0, 56.0, 41.0, 7.0, 28.0, 33.0)  # of those with tumour; the third lives


def rows_of(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def written(path, rows):
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
    return path


def trained(hnc, method, cohort, out, settings):
    words = [word for one in settings for word in ("--set", one)]
    ended = hnc("train", method, "--cohort", cohort, "--out", out, "--folds", 2, *words,
                "--threads", 1, "--accept-metadata")  # fmt: skip
    assert ended.code == 0, ended.err
    return {
        scan: number
        for number, fold in enumerate(json.loads((out / "folds.json").read_text()), start=1)
        for scan in fold["test"]
    }


def evaluated(hnc, run, out, *words):
    """Table titles on the page, and what ``summary.json`` holds."""
    ended = hnc("evaluate", run, "--out", out, *words)
    assert ended.code == 0, ended.err
    summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "Research use" in page
    assert not re.findall(r'(?:src|href)="(?!data:image/png;base64,)', page)
    for picture in (out / "figures").iterdir():
        assert picture.stat().st_size > 10_000
    assert page.count("data:image/png") == len(list((out / "figures").iterdir()))
    return re.findall(r"<caption>(.*?)</caption>", page), summary


def ml_of(path):
    mask = sitk.ReadImage(str(path))
    x, y, z = mask.GetSpacing()
    return (sitk.GetArrayFromImage(mask) > 0).sum() * x * y * z / 1000


def test_slices_of_a_run_and_of_other_patients(hnc, tmp_path):
    cohort = write_cohort(tmp_path / "cohort", 8, with_mri=True)
    run = tmp_path / "run"
    tested_in = trained(hnc, "slice-tumour", cohort, run, SLICES)
    titles, found = evaluated(hnc, run, tmp_path / "by-fold")
    for title in (
        "Segmentation performance of the models for the whole test set",
        "Segmentation performance of the models for each individual image slice",
        "Segmentation performance of the models for each individual image slice, all of them",
        "Classification performance of the models in the test set",
    ):
        assert titles.count(title) == 2, title  # slices as in the paper, and all slices
    assert found["about"]["How"] == "each scan by the fold that was not trained on its patient"
    names = {one.stem for one in (tmp_path / "by-fold" / "figures").iterdir()}
    assert names == {"slices-pixels", "all-slices-pixels"}  # Fig. 4
    figures = found["figures"]["slices"]
    assert set(figures) == {"PET-MRI", "PET alone", "compared"}
    assert figures["compared"]["PET alone"]["with"] == "PET-MRI"
    assert set(figures["compared"]["PET alone"]["dice"]) == {"pairs", "p"}  # Wilcoxon
    assert figures["PET-MRI"]["scores"]["dice"] > 0.1
    assert 0 <= figures["PET-MRI"]["regression"]["r_squared"] <= 1
    rows = rows_of(tmp_path / "by-fold" / "scans.csv")
    assert {row["patient"]: int(row["fold"]) for row in rows} == tested_in
    every = found["figures"]["all_slices"]["PET-MRI"]["scores"]
    for short in ("tp", "tn", "fp", "fn"):
        long = {"t": "true", "f": "false"}[short[0]] + {"p": "_positive", "n": "_negative"}[
            short[1]
        ]
        assert sum(int(row[long]) for row in rows) == every[short]
    assert sum(int(row["slices"]) for row in rows) == every["slices"]["all"]

    others = write_cohort(tmp_path / "others", 2, with_mri=True, first=100)
    again, found = evaluated(hnc, run, tmp_path / "test", "--cohort", others)
    assert again == titles
    assert found["about"]["How"] == "each scan by the whole model, as it answers a user"
    assert "no image of these" in found["about"]["Apart from training"]
    assert "fold" not in rows_of(tmp_path / "test" / "scans.csv")[0]


def test_outlines_of_a_run_and_of_other_patients(hnc, tmp_path):
    cohort = write_cohort(tmp_path / "cohort", 12)
    rows = rows_of(cohort)
    for row, months in zip(rows[::2], MONTHS, strict=True):
        row |= {"time": months, "event": int(months != 41.0)}
    written(cohort, [{"time": "", "event": ""} | row for row in rows])
    run = tmp_path / "run"
    tested_in = trained(hnc, "tumour-volume", cohort, run, VOLUME)
    titles, found = evaluated(hnc, run, tmp_path / "by-fold")
    assert titles == [
        "Delineation performance with respect to the target volume",
        "Classification performance",
        "Lesion detection performance with respect to the target volume",
        "Total tumour burden, network beside annotation",
        "Survival by total tumour burden: hazard ratios of univariate Cox regression",
    ]
    names = {one.stem for one in (tmp_path / "by-fold" / "figures").iterdir()}  # Figs. 1, 2, 5
    assert names == {"delineation-dice", "burden-correlation", "survival-kaplan-meier"}
    page = (tmp_path / "by-fold" / "report.html").read_text(encoding="utf-8")
    assert "on the PET&#39;s own voxels, 5 × 5 × 5 mm" in page
    assert "cubes of 2.5 mm" in page
    figures = found["figures"]
    assert figures["delineation"]["dice"]["union"]["scans"] == 6
    assert figures["delineation"]["dice"]["union"]["pooled"] > 0.1
    assert set(figures["delineation"]["lesions"]) == {"primary", "nodes", "union"}
    rows = rows_of(tmp_path / "by-fold" / "scans.csv")
    assert {row["patient"]: int(row["fold"]) for row in rows} == tested_in
    burdens = [ml_of(cohort.parent / f"{n:02d}_mask.nrrd") for n in range(12)]
    assert [float(row["annotated_ml"]) for row in rows] == pytest.approx(burdens, abs=1e-3)
    lived = figures["survival"]["survival"]
    assert (lived["patients"], lived["events"]) == (6, 5)
    assert lived["cutoff_ml"] == pytest.approx(
        sorted(burdens)[-4:-2][0] / 2 + sorted(burdens)[-3] / 2
    )

    others = write_cohort(tmp_path / "others", 4, first=100)
    again, found = evaluated(hnc, run, tmp_path / "test", "--cohort", others, "--cutoff-ml", 3)
    assert again == titles[:-1]  # nothing is known of survival
    assert "no image of these" in found["about"]["Apart from training"]
    assert found["figures"]["survival"] == {"survival": None}
    page = (tmp_path / "test" / "report.html").read_text(encoding="utf-8")
    assert "Of 0 patients with tumour survival is known" in page
