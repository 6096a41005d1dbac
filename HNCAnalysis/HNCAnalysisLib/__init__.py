"""The panel of HNCAnalysis, part by part."""
