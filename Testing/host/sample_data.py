"""``import SampleData``: sources of sample data are registered, and can be run by name."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import slicer


class SampleDataSource:
    """What a module says of one data set; the files, addresses and nodes are lists alike long."""

    def __init__(
        self,
        sampleName=None,
        sampleDescription=None,
        uris=None,
        fileNames=None,
        nodeNames=None,
        checksums=None,
        loadFiles=None,
        customDownloader=None,
        thumbnailFileName=None,
        loadFileTypes=None,
        loadFileProperties=None,
        loadFileType=None,
    ):
        if loadFileType is not None and loadFileTypes is not None:
            raise ValueError("loadFileType and loadFileTypes cannot both be given")
        kinds = loadFileTypes if loadFileTypes is not None else loadFileType
        self.sampleName = sampleName
        self.sampleDescription = sampleDescription or sampleName
        self.customDownloader: Callable | None = customDownloader
        self.thumbnailFileName = thumbnailFileName
        self.loadFileProperties = loadFileProperties or {}
        if isinstance(uris, str):
            lists = [[each] for each in (uris, fileNames, nodeNames, checksums, loadFiles, kinds)]
        else:  # a list; Slicer fails on None here, and so does this
            blank = [None] * len(uris)
            kinds = [kinds] * len(uris) if isinstance(kinds, str) else kinds or blank
            rest = [each or blank for each in (nodeNames, checksums, loadFiles)]
            lists = [uris, fileNames, *rest, kinds]
        if len({len(each) for each in lists}) != 1:
            raise ValueError("all fields of a sample data source must have the same length")
        self.uris, self.fileNames, self.nodeNames, self.checksums, self.loadFiles, _ = lists
        self.loadFileTypes = kinds


class SampleDataLogic:
    """Slicer's SampleDataLogic, as far as modules register and tests run."""

    @staticmethod
    def registerCustomSampleDataCategory(category, title):
        titles = vars(slicer.modules).setdefault("sampleDataSourceCategories", {})
        titles.setdefault(category, {})["title"] = title

    @staticmethod
    def registerCustomSampleDataSource(
        category="Custom",
        sampleName=None,
        uris=None,
        fileNames=None,
        nodeNames=None,
        customDownloader=None,
        thumbnailFileName=None,
        loadFileTypes=None,
        loadFiles=None,
        loadFileProperties=None,
        checksums=None,
        loadFileType=None,
    ):
        source = SampleDataSource(
            sampleName=sampleName,
            uris=uris,
            fileNames=fileNames,
            nodeNames=nodeNames,
            thumbnailFileName=thumbnailFileName,
            loadFileTypes=loadFileTypes,
            loadFiles=loadFiles,
            loadFileProperties=loadFileProperties,
            checksums=checksums,
            customDownloader=customDownloader,
            loadFileType=loadFileType,
        )
        known = SampleDataLogic.sampleDataSourcesByCategory().setdefault(category, [])
        if all(each.sampleName != sampleName for each in known):
            known.append(source)

    @staticmethod
    def sampleDataSourcesByCategory(category=None):
        sources = vars(slicer.modules).setdefault("sampleDataSources", {})
        return sources if category is None else sources.get(category, [])

    def sourceForSampleName(self, sampleName) -> SampleDataSource | None:
        for sources in self.sampleDataSourcesByCategory().values():
            for source in sources:
                if source.sampleName == sampleName:
                    return source
        return None

    def downloadFromSource(self, source) -> Any:
        """Run the source's own function, which is given the source."""
        if source.customDownloader is None:
            raise NotImplementedError("this stand-in has no network: give a customDownloader")
        return source.customDownloader(source)

    def downloadSamples(self, sampleName) -> Any:
        """What the data set's button does. Raises KeyError for an unknown name."""
        source = self.sourceForSampleName(sampleName)
        if source is None:
            raise KeyError(sampleName)
        return self.downloadFromSource(source)


def install() -> None:
    """Make ``import SampleData`` work."""
    made = ModuleType("SampleData")
    made.SampleDataLogic, made.SampleDataSource = SampleDataLogic, SampleDataSource
    sys.modules["SampleData"] = made
