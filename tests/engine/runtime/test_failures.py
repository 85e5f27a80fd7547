"""Which failures of a device mean what, by the words torch has for them."""

import pytest
import torch

from engine.runtime.failures import is_device_lost, is_out_of_memory

NO_MEMORY = (
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
    RuntimeError("MPS backend out of memory (MPS allocated: 8.00 GB, max allowed: 9.07 GB)."),
    RuntimeError("[enforce fail at alloc_cpu.cpp:114] err == 0. DefaultCPUAllocator: can't allocate memory"),
    RuntimeError("[enforce fail at alloc_cpu.cpp:80] data. DefaultCPUAllocator: not enough memory"),
    RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
    MemoryError(),
)
NO_DEVICE = (
    RuntimeError("CUDA error: unspecified launch failure"),
    RuntimeError("cuDNN error: CUDNN_STATUS_INTERNAL_ERROR"),
    RuntimeError("MPS backend failed: the device was lost"),
)
NEITHER = (RuntimeError("shape '[3, 4]' is invalid for input of size 5"), ValueError("CUDA error"), OSError("full"))


@pytest.mark.parametrize("error", NO_MEMORY, ids=str)
def test_running_out_of_memory_is_known_and_is_no_lost_device(error: Exception) -> None:
    assert is_out_of_memory(error)
    assert not is_device_lost(error)


@pytest.mark.parametrize("error", NO_DEVICE, ids=str)
def test_a_lost_device_is_known_and_is_no_lack_of_memory(error: Exception) -> None:
    assert is_device_lost(error)
    assert not is_out_of_memory(error)


@pytest.mark.skipif(not hasattr(torch, "AcceleratorError"), reason="this torch has no error of its own for it")
def test_torch_s_own_error_for_it_is_a_lost_device_whatever_it_says() -> None:
    assert is_device_lost(torch.AcceleratorError("unknown"))


@pytest.mark.parametrize("error", NEITHER, ids=str)
def test_our_own_mistakes_are_neither(error: Exception) -> None:
    assert not is_device_lost(error)
    assert not is_out_of_memory(error)
