"""Image files: NIfTI, NRRD, MetaImage; what cannot be used is refused in one line."""

import gzip
import json
import struct

import numpy as np
import pytest
import SimpleITK as sitk

from HNCLogic.images.grid import Grid
from HNCLogic.images.read import read_image, read_mask
from HNCLogic.images.volume_file import record_path
from HNCLogic.job import SuvByHand
from Testing.unit.dicom_writer import planes, rotation, write_series
from Testing.unit.refusal import refused

OBLIQUE = Grid(
    (11, 9, 7),
    (2.5, 3.0, 4.25),
    (-20.5, 33.0, -410.0),
    tuple((rotation((0.3, 1, -0.4), 31) @ np.diag([1, -1, 1])).ravel()),
)
ENDINGS = (".nii", ".nii.gz", ".nrrd", ".mha", ".mhd")
BQML = {"weight_kg": 70, "dose_mbq": 350, "injected": "10:00", "scan_started": "11:00"}
FACTOR = 70e3 / (350e6 * 0.5 ** (3600 / 6586.2))


def suv_like(seed=1, top=9.0):
    values = np.random.default_rng(seed).gamma(1.2, 0.6, OBLIQUE.size[::-1]).astype(np.float32)
    values[3, 4, 5] = top
    return values


def write(path, values, grid=OBLIQUE):
    sitk.WriteImage(grid.image(values), str(path))
    return path


@pytest.mark.parametrize("ending", ENDINGS)
def test_values_and_geometry_come_back(tmp_path, ending):
    path = write(tmp_path / f"pet{ending}", suv_like())
    loaded = read_image(path, "PET", None, SuvByHand(units="SUVbw"))
    assert np.array_equal(sitk.GetArrayFromImage(loaded.image), suv_like())
    assert Grid.of(loaded.image).same_as(OBLIQUE, 1e-3)
    assert loaded.image.GetPixelID() == sitk.sitkFloat32
    assert loaded.source.endswith(" file")
    assert loaded.warnings == loaded.suv.warnings == []
    assert loaded.suv.suv_max == 9
    assert loaded.patient is None


@pytest.mark.parametrize("kind", ["i2", "u1", "f8", "i4"])
def test_any_number_type_becomes_float(tmp_path, kind):
    values = (np.arange(11 * 9 * 7).reshape(7, 9, 11) % 200).astype(kind)
    loaded = read_image(write(tmp_path / "t1.nrrd", values), "T1")
    assert np.array_equal(sitk.GetArrayFromImage(loaded.image), values.astype(np.float32))


def test_what_a_converter_kept_of_the_header_is_left_behind(tmp_path):
    image = OBLIQUE.image(suv_like())
    image.SetMetaData("0010|0010", "Zephyrine^Quill")
    sitk.WriteImage(image, str(tmp_path / "t1.nrrd"))
    assert read_image(tmp_path / "t1.nrrd", "T1").image.GetMetaDataKeys() == ()


def test_paths_that_are_no_images(tmp_path):
    refused("PET", "nowhere.nii does not exist", by=lambda: pet(tmp_path / "nowhere.nii"))
    for name in ("text.nii", "text.nii.gz", "text.nrrd", "text.mha", "notes.txt", "empty.nii"):
        (tmp_path / name).write_text("" if name == "empty.nii" else "no image " * 100)
        refused(name, by=lambda n=name: pet(tmp_path / n))
    (tmp_path / "folder").mkdir()
    refused("empty folder", by=lambda: pet(tmp_path / "folder"))


def pet(path, **by_hand):
    return read_image(path, "PET", None, SuvByHand(**by_hand))


@pytest.mark.parametrize("ending", ENDINGS)
def test_files_cut_short_are_refused(tmp_path, ending, capfd):
    path = write(tmp_path / f"pet{ending}", suv_like())
    data = tmp_path / "pet.raw" if ending == ".mhd" else path
    whole = data.read_bytes()
    for length in (len(whole) // 2, len(whole) - 1):
        data.write_bytes(whole[:length])
        message = refused(path.name, by=lambda: pet(path))
        assert "truncated" in message or "damaged" in message or "not an image" in message
    assert capfd.readouterr() == ("", "")


def test_a_packed_nifti_in_two_parts_is_whole(tmp_path):
    path = write(tmp_path / "pet.nii", suv_like())
    whole = path.read_bytes()
    packed = tmp_path / "two.nii.gz"
    packed.write_bytes(gzip.compress(whole[:1000]) + gzip.compress(whole[1000:]))
    loaded = pet(packed, units="SUVbw")
    assert np.array_equal(sitk.GetArrayFromImage(loaded.image), suv_like())


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ((9, 11), "single slice (11 x 9)"),
        ((1, 9, 11), "single slice (11 x 9 x 1)"),
        ((7, 1, 11), "single slice (11 x 1 x 7)"),
        ((2, 7, 9, 11), "2 frames (11 x 9 x 7 x 2)"),
    ],
)
def test_wrong_dimensions(tmp_path, shape, words):
    values = np.random.default_rng(0).random(shape, dtype=np.float32)
    sitk.WriteImage(sitk.GetImageFromArray(values, isVector=False), str(tmp_path / "a.nii.gz"))
    refused("a.nii.gz", words, by=lambda: pet(tmp_path / "a.nii.gz"))


def test_a_fourth_dimension_of_one_is_dropped(tmp_path):
    image = sitk.JoinSeries([OBLIQUE.image(suv_like())])
    sitk.WriteImage(image, str(tmp_path / "a.nrrd"))
    loaded = pet(tmp_path / "a.nrrd", units="SUVbw")
    assert Grid.of(loaded.image).same_as(OBLIQUE, 1e-3)
    assert np.array_equal(sitk.GetArrayFromImage(loaded.image), suv_like())


def test_vectors_and_complex_numbers(tmp_path):
    vectors = sitk.Compose([OBLIQUE.image(suv_like(n)) for n in range(3)])
    sitk.WriteImage(vectors, str(tmp_path / "v.nrrd"))
    refused("3 values at each voxel", by=lambda: pet(tmp_path / "v.nrrd"))
    both = sitk.RealAndImaginaryToComplex(OBLIQUE.image(suv_like()), OBLIQUE.image(suv_like(2)))
    sitk.WriteImage(both, str(tmp_path / "c.nii"))
    refused("complex", by=lambda: pet(tmp_path / "c.nii"))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("role", ["PET", "CT", "T1"])
@pytest.mark.parametrize(("ending", "kind"), [*((e, "f4") for e in ENDINGS), (".nii.gz", "f8")])
def test_nan_and_infinity_are_counted(tmp_path, bad, role, ending, kind):
    """In NIfTI too, where ITK's reader would make zeros of them."""
    values = suv_like().astype(kind)
    values[0, 0, :3] = bad
    path = write(tmp_path / f"a{ending}", values)
    refused(f"a{ending}: 3 of 693 voxels are NaN or inf", by=lambda: read_image(path, role))


def test_values_too_large_for_float32_are_not_let_in(tmp_path):
    values = suv_like().astype(np.float64)
    values[1, 1, 1] = 1e300
    refused("1 of 693", by=lambda: read_image(write(tmp_path / "a.nrrd", values), "T1"))


def test_an_image_without_content(tmp_path):
    path = write(tmp_path / "a.nrrd", np.full((7, 9, 11), 3.0, np.float32))
    refused("every voxel is 3", by=lambda: pet(path))


def nrrd_with(tmp_path, old, new):
    path = tmp_path / "a.nrrd"
    plain = Grid((11, 9, 7), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), tuple(np.eye(3).ravel()))
    write(path, suv_like(), plain)
    head, _, data = path.read_bytes().partition(b"\n\n")
    assert old in head
    path.write_bytes(head.replace(old, new) + b"\n\n" + data)
    return path


@pytest.mark.parametrize(
    ("new", "words"),
    [
        (b"(0,0,0) (0,1,0)", "spacing in its header is zero"),
        (b"(0,1,0) (0,1,0)", "right angles"),
        (b"(1,0.5,0) (0,1,0)", "right angles"),
        (b"(nan,0,0) (0,1,0)", "a.nrrd"),
    ],
)
def test_a_geometry_that_is_none(tmp_path, new, words):
    path = nrrd_with(tmp_path, b"(1,0,0) (0,1,0)", new)
    refused(words, by=lambda: pet(path))


def test_a_sheared_nifti(tmp_path):
    path = write(tmp_path / "a.nii", suv_like())
    data = bytearray(path.read_bytes())
    data[252:256] = struct.pack("<hh", 0, 1)  # qform_code, sform_code
    data[280:328] = struct.pack("<12f", 2, 0.8, 0, 0, 0, 2, 0, 0, 0, 0, 3, 0)
    path.write_bytes(data)
    refused("right angles", by=lambda: pet(path))


def test_a_nifti_that_does_not_say_how_it_lies(tmp_path):
    path = write(tmp_path / "a.nii", suv_like())
    data = bytearray(path.read_bytes())
    data[252:256] = struct.pack("<hh", 0, 0)
    path.write_bytes(data)
    assert "check left and right" in pet(path, units="SUVbw").warnings[0]


def test_a_series_choice_is_for_folders(tmp_path):
    path = write(tmp_path / "a.nii", suv_like())
    refused("--series is for DICOM", by=lambda: read_image(path, "PET", "3"))


def test_unstated_units_that_look_like_suv_are_taken_so_aloud(tmp_path):
    loaded = pet(write(tmp_path / "a.nii.gz", suv_like()))
    assert "taken as SUVbw" in loaded.suv.warnings[0]
    assert "a.nii" not in loaded.suv.model_dump_json()  # a file's name does not travel
    assert np.array_equal(sitk.GetArrayFromImage(loaded.image), suv_like())


def test_unstated_units_that_look_like_activity_are_refused(tmp_path):
    path = write(tmp_path / "a.nii.gz", suv_like() * 4000)
    refused(
        *("look like Bq/ml", "--pet-units BQML", "--weight KG", "--dose MBQ", "--injected TIME"),
        "--scan-started TIME",
        by=lambda: pet(path),
    )


def test_activity_with_everything_by_hand(tmp_path):
    path = write(tmp_path / "a.nii.gz", suv_like() * 4000)
    loaded = pet(path, units="BQML", **BQML)
    expected = suv_like().astype(np.float64) * 4000 * FACTOR
    assert np.allclose(sitk.GetArrayFromImage(loaded.image), expected, rtol=1e-6)
    assert (loaded.suv.injected, loaded.suv.reference_time) == ("10:00:00", "11:00:00")
    assert loaded.suv.warnings == ["The half-life is taken as that of fluorine-18, 6586.2 s."]
    night = {**BQML, "injected": "23:30", "scan_started": "00:30"}
    assert pet(path, units="BQML", **night).suv.factor_min == pytest.approx(FACTOR)
    dated = {**BQML, "injected": "2024-03-05T10:00"}
    assert pet(path, units="BQML", **dated).suv.factor_min == pytest.approx(FACTOR)
    refused("after the scan", by=lambda: pet(path, units="BQML", **{**BQML, "injected": "12:00"}))


@pytest.mark.parametrize(
    ("lacking", "option"),
    [
        ("weight_kg", "--weight KG"),
        ("dose_mbq", "--dose MBQ"),
        ("injected", "--injected TIME"),
        ("scan_started", "--scan-started TIME"),
    ],
)
def test_activity_with_something_missing(tmp_path, lacking, option):
    path = write(tmp_path / "a.nii.gz", suv_like() * 4000)
    given = {name: value for name, value in BQML.items() if name != lacking}
    message = refused(option, by=lambda: pet(path, units="BQML", **given))
    assert message.count("--") == 1


def test_by_hand_on_values_that_are_suv_already(tmp_path):
    path = write(tmp_path / "a.nii.gz", suv_like())
    refused("SUV already", "--weight", by=lambda: pet(path, units="SUVbw", weight_kg=80))


def test_the_record_beside_the_image_speaks_for_it(tmp_path):
    write_series(tmp_path / "dicom", planes())
    loaded = pet(tmp_path / "dicom")
    path = tmp_path / "pet.nii.gz"
    sitk.WriteImage(loaded.image, str(path))
    record_path(path).write_text(loaded.suv.model_dump_json())
    again = pet(path)
    assert again.suv == loaded.suv
    assert np.array_equal(sitk.GetArrayFromImage(again.image), sitk.GetArrayFromImage(loaded.image))
    heavier = pet(path, weight_kg=84)
    assert heavier.suv.suv_max == pytest.approx(1.2 * loaded.suv.suv_max)
    assert heavier.suv.given_by_hand == ["weight_kg"]
    refused("--injected cannot", by=lambda: pet(path, injected="10:00"))


def test_another_programs_json_beside_the_image_is_not_a_record(tmp_path):
    path = write(tmp_path / "pet.nii.gz", suv_like())
    (tmp_path / "pet.json").write_text(json.dumps({"Units": "Bq/mL"}))
    assert "does not state its units" in pet(path).suv.warnings[0]


def ct_like():
    values = np.random.default_rng(3).normal(40, 60, OBLIQUE.size[::-1]).astype(np.float32)
    values[:, :3] = -1000
    return values


def test_a_ct_file_given_as_pet(tmp_path):
    path = write(tmp_path / "ct.nii.gz", ct_like())
    for units in (None, "SUVbw"):
        refused("given as PET", "like a CT", by=lambda u=units: pet(path, units=u))
    refused("given as PET", by=lambda: pet(path, units="BQML", **BQML))


def test_a_little_below_zero_is_still_a_pet(tmp_path):
    values = suv_like()
    values[0, 0] = -0.4
    assert pet(write(tmp_path / "a.nrrd", values), units="SUVbw").suv.suv_max == 9
    activity = suv_like() * 4000
    activity[0, 0, 0] = -300
    assert pet(write(tmp_path / "b.nrrd", activity), units="BQML", **BQML).suv.suv_max > 1


def test_a_pet_file_given_as_ct(tmp_path):
    assert read_image(write(tmp_path / "ct.nrrd", ct_like()), "CT").warnings == []
    warned = read_image(write(tmp_path / "pet.nrrd", suv_like()), "CT").warnings
    assert "does not look like a CT" in warned[0]
    shifted = read_image(write(tmp_path / "off.nrrd", ct_like() + 1200), "CT").warnings
    assert "does not look like a CT" in shifted[0]


def test_odd_suvs_are_noted_in_the_record(tmp_path):
    hot = pet(write(tmp_path / "a.nrrd", suv_like(top=140)), units="SUVbw")
    assert "SUVmax is 140" in hot.suv.warnings[0]
    cold = pet(write(tmp_path / "b.nrrd", suv_like() / 20), units="SUVbw")
    assert "SUVmax is 0.45" in cold.suv.warnings[0]


def labels():
    values = np.zeros(OBLIQUE.size[::-1], np.uint8)
    values[2:4, 3:6, 5:8], values[5, 5, 5] = 1, 7
    return values


@pytest.mark.parametrize("ending", [*ENDINGS, ".seg.nrrd"])
def test_masks(tmp_path, ending):
    mask = read_mask(write(tmp_path / f"m{ending}", labels()), OBLIQUE)
    assert np.array_equal(sitk.GetArrayFromImage(mask), labels())
    assert Grid.of(mask) == OBLIQUE
    assert mask.GetPixelID() == sitk.sitkUInt16


def test_masks_written_as_whole_floats(tmp_path):
    mask = read_mask(write(tmp_path / "m.nii.gz", labels().astype(np.float32)))
    assert np.array_equal(sitk.GetArrayFromImage(mask), labels())


@pytest.mark.parametrize("values", [labels() * 0.5, labels().astype(np.int16) - 1])
def test_masks_that_hold_no_labels(tmp_path, values):
    refused("m.nrrd does not hold labels", by=lambda: read_mask(write(tmp_path / "m.nrrd", values)))


def test_a_mask_with_nan(tmp_path):
    values = labels().astype(np.float32)
    values[0, 0, 0] = np.nan
    refused("1 of 693 voxels are NaN", by=lambda: read_mask(write(tmp_path / "m.nrrd", values)))


def test_a_mask_on_another_grid(tmp_path):
    path = write(tmp_path / "m.nrrd", labels())
    flipped = np.asarray(OBLIQUE.direction).reshape(3, 3) * [-1, 1, 1]
    others = {
        "11 x 9 x 7 voxels, not 11 x 9 x 8": {"size": (11, 9, 8)},
        "2.5 x 3 x 4.25 mm apart, not 2.5 x 3 x 4": {"spacing": (2.5, 3.0, 4.0)},
        "first voxel 1.00 mm away": {"origin": (-20.5, 34.0, -410.0)},
        "turned or flipped": {"direction": tuple(flipped.ravel())},
    }
    for words, change in others.items():
        other = Grid(**{**OBLIQUE.__dict__, **change})
        refused("another grid", words, by=lambda o=other: read_mask(path, o))


def test_a_mask_brought_onto_another_grid(tmp_path):
    path = write(tmp_path / "m.nrrd", labels())
    half = Grid(
        OBLIQUE.size, OBLIQUE.spacing, tuple(OBLIQUE.points([[2, 0, 0]])[0]), OBLIQUE.direction
    )
    moved = sitk.GetArrayFromImage(read_mask(path, half, resample=True))
    assert np.array_equal(moved[:, :, :-2], labels()[:, :, 2:])
    assert not moved[:, :, -2:].any()


def test_a_dicom_folder_is_no_mask(tmp_path):
    write_series(tmp_path, planes())
    refused("is DICOM", by=lambda: read_mask(tmp_path))
    refused("does not exist", by=lambda: read_mask(tmp_path / "no.nrrd"))


@pytest.mark.parametrize(
    ("name", "record"),
    [("a.nii.gz", "a"), ("a.NRRD", "a"), ("a.nii.nrrd", "a.nii"), ("b.1.mha", "b.1")],
)
def test_the_record_is_looked_for_where_it_is_written(tmp_path, name, record):
    assert record_path(tmp_path / name) == tmp_path / f"{record}.json"


def test_voxels_that_the_system_does_not_let_us_read_are_not_called_damaged(tmp_path, monkeypatch):
    write(tmp_path / "pet.mhd", suv_like())
    raw = next(path for path in tmp_path.iterdir() if path.suffix != ".mhd")

    def barred(*_):
        raise RuntimeError("ITK could not open it")

    monkeypatch.setattr(sitk, "ReadImage", barred)
    monkeypatch.setattr("os.access", lambda path, mode: path != raw)
    refused(str(raw), "permission denied", by=lambda: read_image(tmp_path / "pet.mhd", "CT"))


def test_memory_that_does_not_suffice_is_not_called_damage(tmp_path, monkeypatch):
    write(tmp_path / "pet.nrrd", suv_like())

    def full(*_):
        raise RuntimeError("itk::ERROR: Failed to allocate memory for image.")

    monkeypatch.setattr(sitk, "ReadImage", full)
    with pytest.raises(MemoryError):
        read_image(tmp_path / "pet.nrrd", "CT")
