"""Tables and figures of outlines: the rows of the papers' tables, and what the figures show."""

import numpy as np
import pytest

from HNCLogic.evaluation import (
    bootstrap,
    burden,
    lesions_found,
    segmentation,
    slices,
    survival,
    volume_plots,
    volume_tables,
)

pytest.importorskip("matplotlib")
pytest.importorskip("lifelines")


@pytest.fixture
def drawn(monkeypatch):
    """Draws what must be a PNG, and gives the figure."""
    kept = []
    png = volume_plots._png

    def keep(figure):
        kept.append(figure)
        return png(figure)

    monkeypatch.setattr(volume_plots, "_png", keep)

    def draw(plot, *arguments):
        assert plot(*arguments).startswith(b"\x89PNG")
        return kept[-1]

    return draw


def _texts(axes):
    legend = axes.get_legend()
    inside = [] if legend is None else [legend.get_title(), *legend.get_texts()]
    return "\n".join(text.get_text() for text in [*axes.texts, *inside])


def _overlap(**changes):
    one = {
        "scans": 698, "pooled": 0.885, "pooled_interval": bootstrap.Interval(0.87, 0.9),
        "mean": 0.815, "mean_interval": None, "median": 0.924, "median_interval": None,
        "quartiles": (0.856, 0.948), "failed": 48, "pooled_jaccard": 0.79, "mean_jaccard": 0.7,
    }  # fmt: skip
    return segmentation.Overlap(**one | changes)


def test_table_1_has_the_papers_rows():
    sets = {
        "CV": {"primary": _overlap(), "nodes": None, "union": _overlap(failed=5)},
        "External": {target: _overlap(scans=181) for target in segmentation.TARGETS},
    }
    table = volume_tables.delineation(sets)
    rows = table.cells()
    assert len(rows) == 6
    assert rows[0] == [
        "CV: Primary tumour", "698", "0.885 (0.870–0.900)", "0.815", "0.924", "[0.856, 0.948]",
        "0.790", "48",
    ]  # fmt: skip
    assert rows[1] == ["CV: LN metastases", "0", *["–"] * 6]
    assert rows[5][0] == "External: Primary + metastases"
    alone = volume_tables.delineation({"CV": sets["CV"]})
    assert alone.cells()[0][0] == "Primary tumour"


def test_table_2_prints_the_papers_figures_from_its_counts():
    # Nikulin et al., Table 2, cross-validation: 60.8, 1.5, 37.2, 0.5 of 801384 voxels.
    scan = segmentation.ScanOverlap(
        {}, segmentation.Classified(60.8, 1.5, 37.2, 0.5), voxels_in_both=801384
    )
    row = volume_tables.classes(
        {"Cross-validation": segmentation.classification([scan], repeats=0)}
    ).cells()[0]
    assert row == [
        "Cross-validation (801384 voxels)", "60.8%", "1.5%", "37.2%", "0.5%", "99.2%", "96.1%",
        "98.0%", "0 of 1",
    ]  # fmt: skip


def test_table_3_prints_the_papers_figures_from_its_counts():
    # Nikulin et al., Table 3, cross-validation.
    def lesions(kind, yes, no):
        return (lesions_found.Lesion(kind, 1.0, 1.0, True),) * yes + (
            lesions_found.Lesion(kind, 2.78, 0.0, False),
        ) * no

    scan = lesions_found.ScanLesions(
        lesions("primary", 578, 65) + lesions("nodes", 849, 229),
        lesions("primary", 592, 44) + lesions("nodes", 893, 252),
    )
    rows = volume_tables.lesions({"CV": lesions_found.found([scan], repeats=0)}).cells()
    assert [row[1:7] for row in rows] == [
        ["578", "592", "65", "44", "89.9%", "93.1%"],
        ["849", "893", "229", "252", "78.8%", "78.0%"],
        ["1427", "1485", "294", "296", "82.9%", "83.4%"],
    ]
    assert rows[0][7] == "2.78 ml"


@pytest.fixture(scope="module")
def cohort():
    rng = np.random.default_rng(8)
    ttb = np.exp(rng.normal(2.6, 0.9, 200))
    wait = rng.exponential(60 / 1.6 ** (np.log2(1 + ttb) - 4))
    end = rng.uniform(6, 60, 200)
    return np.minimum(wait, end), wait <= end, ttb, ttb * rng.lognormal(0, 0.1, 200)


def test_tables_of_burden_and_survival(cohort):
    found = survival.survival(*cohort)
    rows = volume_tables.hazards({"CV": found}).cells()
    assert [row[0] for row in rows] == ["TTB manual", "TTB network"]
    one = found.annotated.grouped
    assert rows[0][2].startswith(f"{one.ratio:.2f} ({one.low:.2f}–{one.high:.2f}); p < 0.0")
    assert rows[0][1] == f"200 ({cohort[1].sum()})"
    note = volume_tables.hazards({"CV": found}).note
    assert f"Cutoff CV: {np.median(cohort[2]):.1f} ml" in note
    row = volume_tables.burdens({"CV": burden.agreement(*cohort[2:])}).cells()[0]
    assert row[:3] == ["CV", "200", "2"]
    nobody = survival.survival(cohort[0], np.zeros(200), *cohort[2:])
    assert volume_tables.hazards({"CV": nobody}).cells()[0][2:] == ["–"] * 5
    assert volume_tables.hazards({}).rows == []


@pytest.fixture(scope="module")
def models():
    rng = np.random.default_rng(2)

    def model(quality):
        annotated = np.repeat([0, 60, 120], 20)
        segmented = np.where(annotated, annotated + rng.integers(-9, 9, 60), 0)
        segmented[:4], segmented[20:25] = 30, 0
        both = (np.minimum(annotated, segmented) * quality).astype(int)
        return slices.Slices(
            both, segmented, annotated, np.full(60, 9), tuple(f"p{i % 12}" for i in range(60))
        )

    return {"PET": model(0.7), "PET-MRI": model(0.9)}


def test_tables_of_slices_have_a_row_a_model(models):
    scores = {name: slices.score(one, repeats=100) for name, one in models.items()}
    first = volume_tables.slice_models(scores).cells()
    assert [row[0] for row in first] == ["PET", "PET-MRI"]
    assert first[0][1].startswith(f"{scores['PET'].dice:.3f} (")
    tests = [
        slices.signed_rank(*models.values(), measure)
        for measure in (slices.dice_of, slices.jaccard_of)
    ]
    second = volume_tables.slice_by_slice(scores, {"PET": ("PET-MRI", *tests)}).cells()
    assert second[0][3] == "p < 0.001, 35 slices with PET-MRI"
    assert (second[0][1], second[1][3]) == ("35", "–")
    spread = scores["PET"].dice_by_slice["true positive"]
    assert second[0][2] == f"{spread.mean:.2f} ± {spread.deviation:.2f}"
    assert volume_tables.slice_by_slice(scores, kind="all").cells()[0][1] == "60"
    third = volume_tables.slice_verdicts(scores).cells()[0]
    assert third[:5] == ["PET", "35", "16", "4", "5"]
    assert third[5].startswith("0.88 (")


def test_histograms_say_how_many_are_on_either_side(drawn):
    values = [0.0, 0.5, 0.69, 0.7, 0.8, 0.9, 1.0, 0.95]
    sets = {"CV": {"primary": values, "nodes": []}, "External": {"primary": values[:2]}}
    figure = drawn(volume_plots.dice_histograms, sets)
    axes = figure.axes
    assert [one.get_title("left") for one in axes] == ["Primary tumour", "LN metastases"] * 2
    assert [text.get_text() for text in axes[0].texts] == ["37.5 %", "62.5 %"]
    assert sum(bar.get_height() for bar in axes[0].patches) == 8
    assert axes[1].texts[:] == []


def test_correlation_shows_every_scan_and_marks_those_left_out(drawn, cohort):
    annotated, network = cohort[2], cohort[3].copy()
    network[:2] += 80
    axes = drawn(volume_plots.burden_correlation, {"CV": (annotated, network)}).axes[0]
    points = [line for line in axes.lines if line.get_linestyle() == "None"]
    assert [len(line.get_xdata()) for line in points] == [198, 2]
    assert axes.get_xlim() == axes.get_ylim()
    found = burden.agreement(annotated, network, repeats=0)
    assert f"R² = {found.r_squared:.2f}" in _texts(axes)
    assert f"{found.mean_difference:.2f} ml" in _texts(axes)
    drawn(volume_plots.burden_correlation, {"two": ([1.0, 2.0], [2.0, 2.0]), "none": ([], [])})


def test_survival_curves_with_those_at_risk(drawn, cohort):
    found = survival.survival(*cohort)
    axes = drawn(volume_plots.kaplan_meier, {"CV": found}).axes
    assert [one.get_title("left") for one in axes] == ["TTB manual", "TTB network"]
    text = _texts(axes[0])
    assert f"TTB ≤ {found.cutoff_ml:.1f} ml" in text
    assert f"HR {found.annotated.grouped.ratio:.1f}" in text
    numbers = [one.get_text() for one in axes[0].texts]
    assert numbers[:2] == ["low", "100"]
    assert numbers[len(numbers) // 2 :][:2] == ["high", "100"]
    one_group = survival.survival(*cohort[:2], np.ones(200), np.ones(200))
    axes = drawn(volume_plots.kaplan_meier, {"CV": found, "alike": one_group}).axes
    assert "HR" not in _texts(axes[2])


def test_slices_are_coloured_by_what_they_were_called(drawn, models):
    axes = drawn(volume_plots.slice_pixels, models).axes
    text = _texts(axes[0])
    for words in ("true positive (35)", "true negative (16)", "false positive (4)"):
        assert words in text
    line = slices.regression(models["PET"])
    assert f"R² = {line.r_squared:.2f}" in text


@pytest.mark.filterwarnings("error")
def test_figures_of_very_little_have_a_layout(drawn):
    nothing = slices.count_slices(*np.zeros((2, 3, 4, 4), bool), "a", (1.7, 1.7))
    axes = drawn(volume_plots.slice_pixels, {"a": nothing, "b": nothing}).axes
    assert "true negative (3)" in _texts(axes[1])
    drawn(volume_plots.dice_histograms, {"a": {"primary": []}})
    drawn(volume_plots.burden_correlation, {"a": ([1.0], [0.0])})
    one = survival.survival([3.0], [True], [5.0], [0.0])
    drawn(volume_plots.kaplan_meier, {"a": one})


def test_a_rate_without_a_miss_is_not_given_as_certain():
    from scipy.stats import binomtest

    hits, of = np.array([2, 3, 0, 5]), np.array([2, 3, 0, 5])
    sure = bootstrap.rate_interval(hits, of, ["a", "b", "c", "a"])
    theirs = binomtest(2, 2).proportion_ci(method="wilson")  # two patients have any
    assert (sure.low, sure.high) == pytest.approx((theirs.low, theirs.high), abs=1e-6)
    none = bootstrap.rate_interval(np.zeros(4, int), of, list("abcd"))
    assert none.low == 0
    assert 0.5 < none.high < 0.6
    assert bootstrap.rate_interval(np.zeros(2), np.zeros(2), ["a", "b"]) is None
