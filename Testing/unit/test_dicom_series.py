"""A series as a volume: values slice by slice, places exact, and every fault named."""

import warnings

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.uid import JPEG2000Lossless, RLELossless

from HNCLogic.images.dicom import find_series
from HNCLogic.images.grid import Grid
from HNCLogic.images.read import read_image
from HNCLogic.images.series import read_series
from Testing.unit.dicom_writer import (
    IDENTITY,
    planes,
    rotation,
    save,
    write_enhanced,
    write_series,
)
from Testing.unit.refusal import refused


def read(folder):
    (series,) = find_series(folder)
    return read_series(series)


def expected_grid(shape, spacing, origin, direction):
    return Grid(shape[::-1], tuple(spacing), tuple(origin), tuple(direction.ravel()))


def at(image, points):
    """Values of ``image`` at LPS ``points``, which must be voxel centres."""
    indices = Grid.of(image).indices(points)
    assert np.abs(indices - np.rint(indices)).max() < 2e-3
    x, y, z = np.rint(indices).astype(int).T
    return sitk.GetArrayFromImage(image)[z, y, x]


def cells(shape):
    z, y, x = np.meshgrid(*[np.arange(n) for n in shape], indexing="ij")
    return np.stack([x.ravel(), y.ravel(), z.ravel()], axis=1)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_orientation_flip_and_file_order_comes_back_exactly(tmp_path_factory, data):
    """Every stored value is found again at the point of the patient it was written for."""
    axis = data.draw(st.tuples(*[st.floats(-1, 1)] * 3).filter(lambda a: np.linalg.norm(a) > 0.1))
    direction = rotation(axis, data.draw(st.floats(-180, 180)))
    direction = direction[:, data.draw(st.permutations([0, 1, 2]))]
    direction = direction * data.draw(st.tuples(*[st.sampled_from([-1, 1])] * 3))
    spacing = data.draw(st.tuples(*[st.floats(0.4, 6)] * 3))
    origin = data.draw(st.tuples(*[st.floats(-900, 900)] * 3))
    order = data.draw(st.permutations(range(5)))
    slopes = np.array(data.draw(st.lists(st.floats(0.01, 9), min_size=5, max_size=5)))
    slopes = np.array([float(f"{s:.8g}") for s in slopes])
    stored = planes(5, 4, 7)
    folder = tmp_path_factory.mktemp("series")
    write_series(
        folder,
        stored,
        spacing=spacing,
        origin=origin,
        direction=direction,
        slopes=slopes,
        file_order=order,
    )
    image, headers, warned = read(folder)
    written = expected_grid(stored.shape, spacing, origin, direction)
    values = (stored * slopes[:, None, None]).astype(np.float32)
    assert np.array_equal(at(image, written.points(cells(stored.shape))), values.ravel())
    assert np.linalg.det(Grid.of(image).matrix) == pytest.approx(1, abs=1e-6)
    assert np.abs(np.sort(Grid.of(image).spacing) - np.sort(spacing)).max() < 1e-4
    assert [float(h.RescaleSlope) for h in headers] in (list(slopes), list(slopes[::-1]))
    assert warned == []


def test_slope_and_intercept_of_each_slice(tmp_path):
    stored, slopes = planes(), np.array([0.25, 3.0, 1.0, 7.5, 0.001, 2.0])

    def intercepts(dataset, z):
        dataset.RescaleIntercept = str(-10 * z)

    write_series(tmp_path, stored, modality="CT", slopes=slopes, change=intercepts)
    image, _, _ = read(tmp_path)
    expected = stored * slopes[:, None, None] - 10.0 * np.arange(6)[:, None, None]
    assert np.array_equal(sitk.GetArrayFromImage(image), expected.astype(np.float32))


@pytest.mark.parametrize("kind", ["u1", "u2", "i2", "u4"])
def test_pixel_types(tmp_path, kind):
    top = min(np.iinfo(kind).max, 60000)
    stored = np.linspace(0, top, 5 * 6 * 7).reshape(5, 6, 7).astype(kind)
    write_series(tmp_path, stored, modality="MR")
    assert np.array_equal(sitk.GetArrayFromImage(read(tmp_path)[0]), stored.astype(np.float32))


def test_bits_above_the_stored_ones_are_not_values(tmp_path):
    stored = planes() % 4096
    stored[0, 0, 0] = -5  # signed 12-bit values in 16

    def twelve(dataset, z):
        dataset.BitsStored, dataset.HighBit = 12, 11
        words = np.frombuffer(dataset.PixelData, np.uint16) & 0x0FFF
        dataset.PixelData = (words | 0xA000).tobytes()

    write_series(tmp_path, stored % 2048, modality="MR", change=twelve)
    assert np.array_equal(sitk.GetArrayFromImage(read(tmp_path)[0]), stored % 2048)


def test_missing_slices_are_named(tmp_path):
    paths = write_series(tmp_path, planes(9))
    for z in (3, 6, 7):
        paths[z].unlink()
    refused(
        "slices are missing, 1 between instance 3 (im0002.dcm) and instance 5 (im0004.dcm)",
        "2 between instance 6",
        "6.00 mm",
        by=lambda: read(tmp_path),
    )


def test_a_cut_end_is_told_by_the_headers_count(tmp_path):
    def counted(dataset, _):
        dataset.NumberOfSlices = 6

    paths = write_series(tmp_path, planes(), change=counted)
    paths[5].unlink()
    assert "speak of 6 slices and 5 are here" in read(tmp_path)[2][0]


def test_duplicate_slices_are_named(tmp_path):
    paths = write_series(tmp_path, planes())
    (tmp_path / "copy of im.dcm").write_bytes(paths[4].read_bytes())
    refused("duplicate slices", "im0004.dcm", "copy of im.dcm", by=lambda: read(tmp_path))


def test_several_images_at_every_position(tmp_path):
    write_series(tmp_path, planes(), uid="1.2.3")
    write_series(tmp_path, planes(seed=9), uid="1.2.3", prefix="late")
    refused("2 images at every position", "dynamic", by=lambda: read(tmp_path))


def test_unequal_spacing_is_named(tmp_path):
    def shifted(dataset, z):
        if z == 3:
            dataset.ImagePositionPatient[2] = float(dataset.ImagePositionPatient[2]) + 0.8

    write_series(tmp_path, planes(), change=shifted)
    refused("unequally spaced, 2.20 to 3.80 mm", "instance 4", by=lambda: read(tmp_path))


def test_spacing_that_creeps_is_unequal_too(tmp_path):
    def creeping(dataset, z):  # no gap is off by more than 4 %, slices by over a millimetre
        dataset.ImagePositionPatient[2] = -180.0 + 3.0 * z + 0.005 * z * z

    write_series(tmp_path, planes(30, 4, 4), change=creeping)
    refused("unequally spaced", "from its place", by=lambda: read(tmp_path))


def test_positions_rounded_to_one_decimal_are_even(tmp_path):
    def rounded(dataset, z):
        dataset.ImagePositionPatient[2] = round(-180 + 0.625 * z, 1)

    write_series(tmp_path, planes(40, 4, 4), spacing=(1, 1, 0.625), change=rounded)
    assert Grid.of(read(tmp_path)[0]).spacing[2] == pytest.approx(0.625, abs=0.003)


def test_one_slice_is_no_volume(tmp_path):
    write_series(tmp_path, planes(1))
    refused("one slice", by=lambda: read(tmp_path))


def test_slices_that_are_not_parallel(tmp_path):
    def turned(dataset, z):
        if z == 2:
            dataset.ImageOrientationPatient = [0, 1, 0, 0, 0, -1]

    write_series(tmp_path, planes(), change=turned)
    refused("not parallel", by=lambda: read(tmp_path))


def test_a_tilted_gantry_is_refused(tmp_path):
    def tilted(dataset, z):
        dataset.ImagePositionPatient[1] = float(dataset.ImagePositionPatient[1]) + 0.5 * z

    write_series(tmp_path, planes(), change=tilted)
    refused("gantry tilt of 9.5°", by=lambda: read(tmp_path))


def test_slices_of_different_size(tmp_path):
    write_series(tmp_path, planes(5), uid="1.2.3")
    write_series(tmp_path, planes(1, 4, 4), uid="1.2.3", origin=(0, 0, 300), prefix="x")
    refused("differ in size", "8 x 9", "4 x 4", by=lambda: read(tmp_path))


@pytest.mark.parametrize("tag", ["ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"])
def test_a_slice_without_its_place(tmp_path, tag):
    def without(dataset, z):
        if z == 1:
            delattr(dataset, tag)

    write_series(tmp_path, planes(), change=without)
    refused("im0001.dcm", tag, by=lambda: read(tmp_path))


@pytest.mark.parametrize("lost", [1, 100, 143])
def test_a_truncated_slice_is_named(tmp_path, lost):
    paths = write_series(tmp_path, planes())
    whole = paths[4].read_bytes()
    paths[4].write_bytes(whole[:-lost])
    refused("im0004.dcm is truncated", f"{144 - lost} of 144", by=lambda: read(tmp_path))


def test_a_slice_without_pixels_is_named(tmp_path):
    def without(dataset, z):
        if z == 1:
            del dataset.PixelData

    write_series(tmp_path, planes(), change=without)
    refused("im0001.dcm is truncated", by=lambda: read(tmp_path))


def test_a_colour_picture_is_no_image(tmp_path):
    def colour(dataset, _):
        dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 3, "RGB"

    write_series(tmp_path, planes(), change=colour)
    refused("colour", by=lambda: read(tmp_path))


def recompress(paths, syntax):
    for path in paths:
        dataset = pydicom.dcmread(path)
        dataset.compress(syntax, generate_instance_uid=False)
        dataset.save_as(path)


def test_compressed_slices_are_decompressed(tmp_path):
    stored, slopes = planes(), np.array([0.25, 3.0, 1.0, 7.5, 0.5, 2.0])
    recompress(write_series(tmp_path, stored, slopes=slopes), RLELossless)
    assert np.array_equal(
        sitk.GetArrayFromImage(read(tmp_path)[0]), (stored * slopes[:, None, None]).astype("f4")
    )


def test_jpeg_2000_is_decompressed_with_each_slices_own_slope(tmp_path):
    """No pydicom decoder for it is installed with the project: ITK's is used, file by file."""
    stored, slopes = planes(6, 40, 32), np.array([1.0, 0.25, 3.0, 7.5, 0.5, 2.0])
    for z, path in enumerate(write_series(tmp_path / "s", stored, slopes=slopes)):
        writer = sitk.ImageFileWriter()
        writer.SetFileName(str(tmp_path / "packed.dcm"))
        writer.UseCompressionOn()
        writer.SetCompressor("JPEG2000")
        writer.Execute(sitk.GetImageFromArray(stored[z : z + 1]))
        packed, dataset = pydicom.dcmread(tmp_path / "packed.dcm"), pydicom.dcmread(path)
        assert packed.file_meta.TransferSyntaxUID == JPEG2000Lossless
        dataset.PixelData = packed.PixelData
        dataset["PixelData"].VR, dataset["PixelData"].is_undefined_length = "OB", True
        save(dataset, path, JPEG2000Lossless)
    image, _, _ = read(tmp_path / "s")
    assert np.array_equal(
        sitk.GetArrayFromImage(image), (stored * slopes[:, None, None]).astype("f4")
    )


def test_a_truncated_compressed_slice_is_named(tmp_path):
    paths = write_series(tmp_path, planes())
    recompress(paths, RLELossless)
    paths[2].write_bytes(paths[2].read_bytes()[:-80])
    refused("im0002.dcm", by=lambda: read(tmp_path))


def test_what_cannot_be_decompressed_is_named(tmp_path):
    for path in write_series(tmp_path, planes()):
        dataset = pydicom.dcmread(path)
        dataset.PixelData = pydicom.encaps.encapsulate([b"\xff\x4f\xff\x51 no code stream"])
        dataset["PixelData"].VR = "OB"
        save(dataset, path, JPEG2000Lossless)
    refused("im0000.dcm", "JPEG 2000", by=lambda: read(tmp_path))


@pytest.mark.parametrize("modality", ["PT", "CT", "MR"])
def test_multi_frame_objects(tmp_path, modality):
    stored, direction = planes(), rotation((1, -2, 0.5), 24)
    slopes = np.linspace(0.5, 3, 6)
    path = write_enhanced(
        tmp_path / "one.dcm",
        stored,
        modality=modality,
        direction=direction,
        slopes=slopes,
        frame_order=[3, 0, 5, 1, 2, 4],
    )
    role = {"PT": "PET", "CT": "CT", "MR": "T1"}[modality]
    loaded = read_image(path, role)
    grid = expected_grid(stored.shape, (4.0, 3.5, 3.0), (-31.5, 42.25, -180.0), direction)
    values = stored * slopes[:, None, None]
    if modality == "PT":  # 70 kg, 350 MBq, an hour: corrected to 11:00, as its own tag says
        values *= 70e3 / (350e6 * 0.5 ** (3600 / 6586.2))
        assert "DecayCorrectionDateTime" in loaded.suv.source
    assert at(loaded.image, grid.points(cells(stored.shape))) == pytest.approx(
        values.ravel(), rel=1e-6
    )
    assert read_image(tmp_path, role).image.GetSize() == (8, 9, 6)


def test_a_multi_frame_object_that_does_not_say_where_its_frames_lie(tmp_path):
    dataset = pydicom.dcmread(write_enhanced(tmp_path / "one.dcm", planes()))
    del dataset.PerFrameFunctionalGroupsSequence
    save(dataset, tmp_path / "one.dcm")
    refused("where each frame lies", by=lambda: read(tmp_path))


def test_reading_writes_nothing_to_the_terminal(tmp_path, capfd, caplog):
    def odd(dataset, _):
        dataset.add_new("PatientWeight", "DS", "70.000000000000000000")
        dataset.SpecificCharacterSet = "nonsense"

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        write_series(tmp_path, planes(), change=odd)
    caplog.clear()
    capfd.readouterr()
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        assert read_image(tmp_path, "PET").suv.weight_kg == 70
    assert not warned
    assert not caplog.records
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(("folder", "size"), [("MR_T1", 512), ("MR_T2", 384), ("FDG_PET", 128)])
def test_real_series_lie_where_gdcm_puts_them(shared_data, folder, size):
    where = shared_data / "pet_dicom_sts001" / "STS_001" / folder / "image"
    image, _, _ = read(where)
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(where)))
    warned = sitk.ProcessObject.GetGlobalWarningDisplay()
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    other = reader.Execute()
    sitk.ProcessObject.SetGlobalWarningDisplay(warned)
    assert image.GetSize()[:2] == (size, size)
    assert np.abs(Grid.of(image).corners() - Grid.of(other).corners()).max() < 1e-3
    if folder != "FDG_PET":
        assert not np.allclose(Grid.of(image).matrix, IDENTITY, atol=1e-2)  # truly oblique
        assert np.array_equal(sitk.GetArrayFromImage(image), sitk.GetArrayFromImage(other))
