"""What both Slicer modules share above the scene: Qt widgets, the child process, questions."""
