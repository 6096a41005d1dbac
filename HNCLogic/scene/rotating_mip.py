"""The PET as a rotating maximum intensity projection in a 3D view, dark uptake on white.

The view keeps what it looked like before as an attribute, so that ``stop_mip`` gives it back
even after the scene was saved and opened again.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from HNCLogic.scene.framing import body_places, box_of
from HNCLogic.scene.volumes import PET_SUV_MAX, grid_of, voxels_of

MIP_NAME = "PET (rotating MIP)"
MIP = "HNC.RotatingMIP"  # on the display node, the properties and the camera made for it
BEFORE = "HNC.BeforeMIP"  # on the view and the camera: what they were, as JSON
SPIN_DEGREES = 2.0
MARGIN = 1.05
WHITE = (1.0, 1.0, 1.0)

_VIEW_SETTINGS = (
    "BackgroundColor",
    "BackgroundColor2",
    "BoxVisible",
    "AxisLabelsVisible",
    "RaycastTechnique",
    "RenderMode",
    "FieldOfView",
    "AnimationMode",
    "SpinDirection",
    "SpinDegrees",
    "OrientationMarkerType",
)
_CAMERA_SETTINGS = ("Position", "FocalPoint", "ViewUp", "ParallelProjection", "ParallelScale")


def mip_view(scene: Any, pet_node: Any, suv_max: float | None = None, turning: bool = True) -> Any:
    """Show a PET (SUV) as MIP in the scene's 3D view, seen from the front, and let it turn.

    Uptake goes from white at SUV 0 to black at ``suv_max``, which is that of the slices where it
    is not given. Where the layout has no 3D view in sight, four-up is chosen. Returns the
    vtkMRMLViewNode. A MIP of another PET makes way.
    """
    if suv_max is None:
        shown = pet_node.GetScalarVolumeDisplayNode()
        suv_max = PET_SUV_MAX if shown is None else shown.GetWindowLevelMax()
    view = _view(scene)
    display = _mip_display(pet_node)
    if display is None or display.GetVolumePropertyNode() is None:
        _remove_volume_rendering(scene)
        display = _add_volume_rendering(scene, pet_node, view)
    set_mip_window(pet_node, suv_max)

    _remember(view, _VIEW_SETTINGS)
    changing = view.StartModify()
    view.SetBackgroundColor(*WHITE)
    view.SetBackgroundColor2(*WHITE)
    view.SetBoxVisible(False)
    view.SetAxisLabelsVisible(False)
    view.SetRaycastTechnique(view.MaximumIntensityProjection)
    view.SetRenderMode(view.Orthographic)
    view.SetOrientationMarkerType(view.OrientationMarkerTypeHuman)
    view.SetSpinDirection(view.YawLeft)
    view.SetSpinDegrees(SPIN_DEGREES)
    view.EndModify(changing)
    _aim(scene, view, pet_node)
    _bring_into_sight(scene, view)
    display.SetVisibility(True)
    spin(view, turning)
    return view


def spin(view: Any, turning: bool) -> None:
    """Let a 3D view turn, or stand still where it is."""
    view.SetAnimationMode(view.Spin if turning else view.Off)


def mip_shown(scene: Any) -> Any | None:
    """The view that shows a MIP; None where none does."""
    nodes = scene.GetNodesByClass("vtkMRMLViewNode")
    views = [nodes.GetItemAsObject(n) for n in range(nodes.GetNumberOfItems())]
    return next((view for view in views if view.GetAttribute(BEFORE)), None)


def stop_mip(scene: Any) -> None:
    """Take the MIP away and give the 3D view back as it was; nothing where none is shown."""
    _remove_volume_rendering(scene)
    view = mip_shown(scene)
    if view is None:
        return
    camera = _camera(scene, view)
    if camera is not None:
        _give_back(camera, _CAMERA_SETTINGS)
    _give_back(view, _VIEW_SETTINGS)


def set_mip_window(pet_node: Any, suv_max: float) -> None:
    """The SUV that is black in the MIP of this PET; nothing where it has none."""
    display = _mip_display(pet_node)
    properties = None if display is None else display.GetVolumePropertyNode()
    if properties is None:
        return
    changing = properties.StartModify()
    # Black that becomes dense, and no white that hides: lesions' surfaces shine through.
    properties.SetColor(_colours())
    properties.SetScalarOpacity(_ramp(suv_max))
    properties.EndModify(changing)


def _ramp(suv_max: float) -> Any:
    import vtk

    made = vtk.vtkPiecewiseFunction()
    made.AddPoint(0.0, 0.0)
    made.AddPoint(float(suv_max), 1.0)
    return made


def _colours() -> Any:
    import vtk

    made = vtk.vtkColorTransferFunction()
    made.AddRGBPoint(0.0, 0.0, 0.0, 0.0)
    made.AddRGBPoint(1.0, 0.0, 0.0, 0.0)
    return made


def _view(scene: Any) -> Any:
    """The 3D view that the layouts show, made where the scene has none yet."""
    found = mip_shown(scene) or scene.GetFirstNodeByClass("vtkMRMLViewNode")
    if found is not None:
        return found
    made = scene.CreateNodeByClass("vtkMRMLViewNode")
    made.UnRegister(None)  # "Create" hands over its own reference
    made.SetName("View1")
    made.SetSingletonTag("1")  # as the layouts call it: they take this one and make no other
    made.SetLayoutLabel("1")
    return scene.AddNode(made)


def _mip_display(pet_node: Any) -> Any:
    for n in range(pet_node.GetNumberOfDisplayNodes()):
        display = pet_node.GetNthDisplayNode(n)
        if display is not None and display.GetAttribute(MIP):
            return display
    return None


def _add_volume_rendering(scene: Any, pet_node: Any, view: Any) -> Any:
    display = _new_display(scene)
    display.SetName(MIP_NAME)
    display.SetAttribute(MIP, "1")
    display.SetVisibility(False)  # until it is set up
    display.AddViewNodeID(view.GetID())
    properties = scene.CreateNodeByClass("vtkMRMLVolumePropertyNode")
    properties.UnRegister(None)
    properties.SetName(f"{MIP_NAME}, properties")
    properties.SetAttribute(MIP, "1")
    properties.GetVolumeProperty().SetInterpolationTypeToLinear()
    properties.GetVolumeProperty().ShadeOff()
    scene.AddNode(properties)
    scene.AddNode(display)
    display.SetAndObserveVolumePropertyNodeID(properties.GetID())
    display.SetIgnoreVolumeDisplayNodeThreshold(True)
    display.SetFollowVolumeDisplayNode(False)
    pet_node.AddAndObserveDisplayNodeID(display.GetID())
    return display


def _new_display(scene: Any) -> Any:
    """A volume rendering display node of the kind that the user's settings call for."""
    import slicer

    module = getattr(getattr(slicer, "modules", None), "volumerendering", None)
    made = None if module is None else module.logic().CreateVolumeRenderingDisplayNode()
    if made is None:
        made = scene.CreateNodeByClass("vtkMRMLGPURayCastVolumeRenderingDisplayNode")
    made.UnRegister(None)  # both hand over their own reference
    return made


def _remove_volume_rendering(scene: Any) -> None:
    for name in ("vtkMRMLVolumeRenderingDisplayNode", "vtkMRMLVolumePropertyNode"):
        nodes = scene.GetNodesByClass(name)
        found = [nodes.GetItemAsObject(n) for n in range(nodes.GetNumberOfItems())]
        for node in found:
            if node.GetAttribute(MIP):
                scene.RemoveNode(node)


def _camera(scene: Any, view: Any) -> Any:
    nodes = scene.GetNodesByClass("vtkMRMLCameraNode")
    for n in range(nodes.GetNumberOfItems()):
        camera = nodes.GetItemAsObject(n)
        if camera.GetLayoutName() == view.GetLayoutName():
            return camera
    return None


def _aim(scene: Any, view: Any, pet_node: Any) -> None:
    """From the front, upright, the whole body in sight while it turns."""
    camera = _camera(scene, view)
    if camera is None:
        camera = scene.CreateNodeByClass("vtkMRMLCameraNode")
        camera.UnRegister(None)
        camera.SetLayoutName(view.GetLayoutName())
        camera = scene.AddNode(camera)
    _remember(camera, _CAMERA_SETTINGS)
    body = box_of(body_places(voxels_of(pet_node.GetImageData()), grid_of(pet_node), "PET"))
    widest = float(np.hypot(*body.size[:2]))  # from corner to corner, for it turns
    half_height = MARGIN * max(float(body.size[2]), widest) / 2
    bounds = [0.0] * 6
    pet_node.GetRASBounds(bounds)
    away = float(np.linalg.norm(np.subtract(bounds[1::2], bounds[::2])))
    x, y, z = (float(v) for v in body.centre)
    view.SetFieldOfView(half_height)  # which in a parallel view is the camera's scale
    changing = camera.StartModify()
    camera.SetFocalPoint(x, y, z)
    camera.SetPosition(x, y + away, z)
    camera.SetViewUp(0.0, 0.0, 1.0)
    camera.SetParallelProjection(1)
    camera.SetParallelScale(half_height)
    camera.GetCamera().SetClippingRange(0.01 * away, 2.5 * away)
    camera.EndModify(changing)


def _bring_into_sight(scene: Any, view: Any) -> None:
    layout = scene.GetFirstNodeByClass("vtkMRMLLayoutNode")
    if layout is not None and not view.IsMappedInLayout():
        layout.SetViewArrangement(layout.SlicerLayoutFourUpView)


def _remember(node: Any, settings: tuple[str, ...]) -> None:
    """Keep a node's settings on itself, unless those of before the MIP are kept already."""
    if not node.GetAttribute(BEFORE):
        kept = {name: getattr(node, f"Get{name}")() for name in settings}
        node.SetAttribute(BEFORE, json.dumps(kept))


def _give_back(node: Any, settings: tuple[str, ...]) -> None:
    kept = json.loads(node.GetAttribute(BEFORE) or "{}")
    changing = node.StartModify()
    for name in settings:
        if name in kept:
            value = kept[name]
            give = getattr(node, f"Set{name}")
            give(*value) if isinstance(value, list) else give(value)
    node.RemoveAttribute(BEFORE)
    node.EndModify(changing)
