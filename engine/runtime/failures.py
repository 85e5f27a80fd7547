"""What a device's own failures mean: no memory left, or no device left. torch tells most of it in the message only."""

from __future__ import annotations

import torch

_NO_MEMORY = (
    "out of memory",  # CUDA and its libraries, MPS
    "can't allocate memory",  # the processor's allocator on Linux and macOS
    "not enough memory",  # and on Windows
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_ALLOC_FAILED",
)
_NO_DEVICE = (
    "CUDA error",
    "CUDA driver error",
    "CUDNN_STATUS",
    "CUBLAS_STATUS",
    "cuDNN error",
    "device-side assert",
    "MPS backend",
    "Metal",
)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether less at a time may succeed."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _NO_MEMORY)


def is_device_lost(error: BaseException) -> bool:
    """Whether the device itself failed (unplugged, reset, its driver ended), so that nothing on it is to be had any
    more: after such an error CUDA answers every call with the same."""
    if is_out_of_memory(error):
        return False
    if isinstance(error, _accelerator_error()):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _NO_DEVICE)


def _accelerator_error() -> tuple[type[Exception], ...]:
    found = getattr(torch, "AcceleratorError", None)  # came with torch 2.8
    return (found,) if found is not None else ()


def release_memory(device: torch.device) -> None:
    """Gives back what torch keeps for later use, so that something of another size finds room."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()
