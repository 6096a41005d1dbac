"""The panel's state, kept with the scene: the question, inputs, settings, and the answers."""

from typing import Annotated

from slicer import (
    vtkMRMLMarkupsROINode,
    vtkMRMLScalarVolumeNode,
    vtkMRMLSegmentationNode,
    vtkMRMLTextNode,
)
from slicer.parameterNodeWrapper import WithinRange, parameterNodeWrapper

LARGEST_MM = 10000.0
NOT_FOUND = -LARGEST_MM  # an end of the range that nobody has looked for or set


@parameterNodeWrapper
class HNCAnalysisParameterNode:
    """Fields of the three questions; ``Tasks`` says which belong together."""

    task: str = "presence"
    heatShown: bool = True
    heatOpacity: Annotated[float, WithinRange(0, 1)] = 0.6

    # Is there cancer?
    pet: vtkMRMLScalarVolumeNode
    ct: vtkMRMLScalarVolumeNode
    mr: vtkMRMLScalarVolumeNode
    mrRole: str = ""
    annotated: vtkMRMLSegmentationNode  # lesions that the user outlined, to compare with
    model: str = "presence-petct"
    aggregation: str = ""  # "": the model's own
    thresholdByHand: bool = False
    threshold: Annotated[float, WithinRange(0, 1)] = 0.5
    result: vtkMRMLTextNode  # refers to the heat map, the tables and the charts
    # What the answer is of: where it differs from the above, the answer is of earlier settings.
    analysedPet: vtkMRMLScalarVolumeNode
    analysedCt: vtkMRMLScalarVolumeNode
    analysedMr: vtkMRMLScalarVolumeNode
    analysedAnnotated: vtkMRMLSegmentationNode
    analysedSettings: str = ""

    # Extracapsular extension
    neckCt: vtkMRMLScalarVolumeNode
    extensionModel: str = ""  # a name, or a folder; "": the first that there is
    rangeByHand: bool = False
    rangeInferior: Annotated[float, WithinRange(NOT_FOUND, LARGEST_MM)] = NOT_FOUND  # S, mm
    rangeSuperior: Annotated[float, WithinRange(NOT_FOUND, LARGEST_MM)] = NOT_FOUND
    voi: vtkMRMLMarkupsROINode
    voiByHand: bool = False
    extensionResult: vtkMRMLTextNode
    analysedNeckCt: vtkMRMLScalarVolumeNode
    extensionSettings: str = ""

    # Parotid neoplasm
    t1: vtkMRMLScalarVolumeNode
    t2: vtkMRMLScalarVolumeNode
    ceT1: vtkMRMLScalarVolumeNode
    dwiB0: vtkMRMLScalarVolumeNode
    dwiB1000: vtkMRMLScalarVolumeNode
    adc: vtkMRMLScalarVolumeNode
    parotidModel: str = ""
    box: vtkMRMLMarkupsROINode
    parotidResult: vtkMRMLTextNode
    analysedT1: vtkMRMLScalarVolumeNode
    analysedT2: vtkMRMLScalarVolumeNode
    analysedCeT1: vtkMRMLScalarVolumeNode
    analysedDwiB0: vtkMRMLScalarVolumeNode
    analysedDwiB1000: vtkMRMLScalarVolumeNode
    analysedAdc: vtkMRMLScalarVolumeNode
    parotidSettings: str = ""
