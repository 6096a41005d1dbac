"""A cohort's table: what is read from it, and that every mistake names its row and column."""

import pytest

from HNCLogic.errors import InputError
from HNCLogic.training.cohort import read_cohort

WHOLE = """patient,scan,centre,PET,CT,mask,label,time,event,age
a,1,north,pet.nrrd,ct.nrrd,mask.nrrd,1,12.5,0,61
a,2,north,pet.nrrd,,,0,,,61
b,,south,pet.nrrd,ct.nrrd,,0,,,
"""


@pytest.fixture
def written(tmp_path):
    for name in ("pet.nrrd", "ct.nrrd", "mask.nrrd"):
        (tmp_path / name).write_bytes(b"")

    def write(text, encoding="utf-8"):
        path = tmp_path / "cohort.csv"
        path.write_bytes(text.encode(encoding))
        return path

    return write


def test_all_that_is_in_it(written):
    cohort = read_cohort(written(WHOLE))
    assert cohort.patients == ("a", "b")
    first, second, third = cohort.scans
    assert first.images == {
        "PET": cohort.path.parent / "pet.nrrd", "CT": cohort.path.parent / "ct.nrrd",
    }  # fmt: skip
    assert first.mask == cohort.path.parent / "mask.nrrd"
    assert (first.label, first.time, first.event) == (True, 12.5, False)
    assert first.facts == {"age": "61"}
    assert (second.label, second.mask, second.time, second.event) == (False, None, None, None)
    assert list(second.images) == ["PET"]
    assert (first.name, third.name) == ("a/1", "b")
    assert cohort.of({"a"}) == (first, second)


def test_spreadsheets_write_a_mark_first_and_empty_lines_last(written):
    path = written(WHOLE + ",,,,,,,,,\n\n", encoding="utf-8-sig")
    assert len(read_cohort(path).scans) == 3


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("patient,", "case,"), "no column 'patient'"),
        (("PET,CT", "pet,scanner"), "no column with images"),
        (("PET,CT", "PET,PET"), "column 'PET' stands twice"),
        (("a,2,", ",2,"), "row 3: column 'patient' is empty"),
        (("a,2,north,pet.nrrd", "a,2,north,"), "row 3: no image is given"),
        (("a,2,north,pet.nrrd", "a,2,north,gone.nrrd"), "row 3: column 'PET': there is no"),
        (("mask.nrrd", "no.nrrd"), "row 2: column 'mask': there is no"),
        ((",,0,,,61", ",,maybe,,,61"), "row 3: column 'label' must be 1 or 0"),
        (("12.5", "soon"), "row 2: column 'time' must be months"),
        (("12.5", "nan"), "row 2: column 'time' must be months"),
        (("12.5", "-1"), "row 2: column 'time' must be months"),
        (("a,2,", "a,1,"), "entries 1 and 2 of the table are the same scan"),
        (("b,,south,pet.nrrd,ct.nrrd,,0,,,", "b,,south"), "row 4: not as many values"),
        (("b,,south,pet.nrrd,ct.nrrd,,0,,,", "b,,south,pet.nrrd,,,0,,,,9"), "row 4: not as many"),
    ],
)
def test_mistakes_are_named(written, change, says):
    assert change[0] in WHOLE
    with pytest.raises(InputError, match=says):
        read_cohort(written(WHOLE.replace(*change, 1)))


def test_what_is_no_table_is_refused(written, tmp_path):
    with pytest.raises(InputError, match="no rows"):
        read_cohort(written(WHOLE.splitlines()[0]))
    with pytest.raises(InputError, match="UTF-8"):
        read_cohort(written(WHOLE.replace("north", "nörd"), encoding="latin-1"))
    with pytest.raises(InputError, match="cannot be read"):
        read_cohort(tmp_path / "absent.csv")
    with pytest.raises(InputError, match="not a CSV table"):
        read_cohort(written(WHOLE + '"a,1,north'))
