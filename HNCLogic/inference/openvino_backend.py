"""OpenVINO on the CPU, for the networks that ``openvino_graph`` can write out."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from HNCLogic.inference.device import computes_in_bf16

if TYPE_CHECKING:
    import torch

    from HNCLogic.inference.backends import Windows


class OpenVinoBackend:
    """In bfloat16 where ``quick`` and the processor computes in it by itself, else in float32.

    Both said to OpenVINO in so many words: left to itself it takes what it thinks is quickest.
    With as many threads as torch has, which are the physical cores where nobody chose otherwise.
    """

    name = "OpenVINO"
    copies = True
    at_once = 1

    def __init__(self, quick: bool):
        self.quick = quick

    def words(self, device: torch.device) -> str:
        return f"OpenVINO in {'bfloat16' if self._in_bf16(device) else 'float32'}"

    def _in_bf16(self, device: torch.device) -> bool:
        if not (self.quick and computes_in_bf16(device)):
            return False
        return "BF16" in _core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")

    def ready(self, network: torch.nn.Module) -> Windows:
        import torch

        from HNCLogic.inference.openvino_graph import graph_of

        device = next(network.parameters()).device
        quick = self._in_bf16(device)
        settings = {
            "INFERENCE_PRECISION_HINT": "bf16" if quick else "f32",
            "INFERENCE_NUM_THREADS": torch.get_num_threads(),
            "PERFORMANCE_HINT": "LATENCY",
            "NUM_STREAMS": 1,
        }
        compiled = _core().compile_model(graph_of(network, not quick), "CPU", settings)
        request = compiled.create_infer_request()

        def run(windows: torch.Tensor) -> torch.Tensor:
            # One at a time: the graph is for one, and a CPU gains nothing from more.
            logits = []
            for window in windows:
                request.infer([window[None].numpy()], share_inputs=True)
                logits.append(torch.from_numpy(request.get_output_tensor(0).data.copy()))
            return torch.cat(logits)

        return run


@lru_cache(1)
def _core():
    import openvino

    return openvino.Core()
