"""The lesion table as a file: read back, it holds every number, its unit and the method."""

import csv

import pytest

from HNCLogic.errors import InputError
from HNCLogic.job import Lesion, Result, Totals
from HNCLogic.lesions.table import rows, write_csv


def result(**more):
    node = Lesion(
        label=1,
        name="Node 1",
        kind="node",
        mtv_ml=1.23456,
        suv_max=9.87654,
        suv_mean=5.0,
        suv_peak=8.5,
        tlg_ml=6.1728,
        dmax_mm=14.25,
        centroid_ras=(-31.04, 12.5, -0.01),
        suv_max_ras=(-30.0, 12.0, 401.0),
        side="left",
    )
    none = dict.fromkeys(("suv_max", "suv_mean", "suv_peak", "centroid_ras", "side"))
    zero = dict.fromkeys(("count", "mtv_ml", "tlg_ml", "dmax_mm"), 0)
    same = node.model_dump(exclude={"label", "name", "kind", "suv_max_ras"}) | {"count": 1}
    totals = [
        Totals(group="primary", **none, **zero),
        Totals(group="nodes", **same),
        Totals(group="all", **same),
    ]
    return Result(
        task="analyze",
        research_use="r",
        lesions=[node],
        totals=totals,
        delineation="41 % of each lesion's SUVmax",
        **more,
    )


def read(path):
    with open(path, newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


def test_the_file_reads_back(tmp_path):
    path = tmp_path / "lesions.csv"
    write_csv(path, result())
    assert path.read_bytes().startswith(b"\xef\xbb\xbfLabel,Name,Kind,Count,MTV [ml],SUVmax [g/ml]")
    node, primary, nodes, everything = read(path)
    assert (node["Name"], node["Kind"], node["Side"]) == ("Node 1", "node", "left")
    assert float(node["MTV [ml]"]) == 1.235
    assert float(node["SUVmax [g/ml]"]) == 9.877
    assert float(node["TLG [SUV*ml]"]) == 6.173
    assert [node[f"Centroid {axis} [mm]"] for axis in "RAS"] == ["-31.0", "12.5", "0.0"]
    assert node["SUVmax at S [mm]"] == "401.0"
    assert all(r["Delineation"] == "41 % of each lesion's SUVmax" for r in (node, everything))
    assert (primary["Name"], primary["Count"], primary["SUVmax [g/ml]"]) == (
        "Total primary",
        "0",
        "",
    )
    assert float(primary["MTV [ml]"]) == 0
    assert (nodes["Count"], nodes["MTV [ml]"], nodes["SUVmax at R [mm]"]) == ("1", "1.235", "")
    assert everything["Name"] == "Total all"


def test_without_lesions_the_header_stays(tmp_path):
    bare = Result(task="measure", research_use="r")
    write_csv(tmp_path / "bare.csv", bare)
    write_csv(tmp_path / "full.csv", result())
    header = (tmp_path / "bare.csv").read_text(encoding="utf-8-sig").splitlines()
    full = (tmp_path / "full.csv").read_text(encoding="utf-8-sig").splitlines()
    assert header == full[:1]


def test_simulated_images_say_so_in_every_row(tmp_path):
    write_csv(tmp_path / "t.csv", result(simulated="simulated patient, not a person"))
    assert {row["Note"] for row in read(tmp_path / "t.csv")} == {"simulated patient, not a person"}


def test_every_row_says_its_use_and_what_the_network_was_trained_on(tmp_path):
    write_csv(tmp_path / "t.csv", result(delineation_trained_on="40 simulated patients"))
    table = read(tmp_path / "t.csv")
    assert {row["Use"] for row in table} == {"r"}
    assert {row["Trained on"] for row in table} == {"40 simulated patients"}
    write_csv(tmp_path / "t.csv", result())
    assert {row["Trained on"] for row in read(tmp_path / "t.csv")} == {""}


def test_rows_share_their_headers():
    r = result()
    table = rows(r.lesions, r.totals, r.delineation)
    assert len({tuple(row) for row in table}) == 1
    assert table[0]["MTV [ml]"] == 1.235


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match=r"cannot write .*nowhere.*lesions\.csv"):
        write_csv(tmp_path / "nowhere" / "lesions.csv", result())
