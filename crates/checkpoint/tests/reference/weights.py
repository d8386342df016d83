"""Plain weights as Python writes them, and ours read back; the committed files are those of safetensors 0.8.0 and NumPy 2.4.6.

    python3 weights.py                       writes plain.safetensors, metadata.safetensors and half.safetensors beside this file
    cargo test -p gibbsian-checkpoint --test weights
    python3 weights.py ours.safetensors      requires a file that the test wrote (in target/tmp) to hold the same arrays
"""

import sys
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

folder = Path(__file__).parent
arrays = {
    "layer.weight": np.array([[0.5, -0.25, 0.1], [1e30, -0.0, 1.0]], dtype=np.float32),
    "layer.bias": np.array([0.1, -1e300, 5e-324]),
    "scale": np.array(2.5),
    "mask": np.array([1, 0, 255], dtype=np.uint8),
    "counts": np.array([2**64 - 1], dtype=np.uint64),
}

if len(sys.argv) > 1:
    ours = load_file(sys.argv[1])
    assert ours.keys() == arrays.keys(), ours.keys()
    for name, array in arrays.items():
        assert ours[name].dtype == array.dtype and ours[name].shape == array.shape, name
        assert ours[name].tobytes() == array.tobytes(), name
    print("the same arrays")
else:
    save_file(arrays, folder / "plain.safetensors")
    save_file(arrays, folder / "metadata.safetensors", metadata={"format": "np", "author": "someone"})
    save_file({"x": np.array([1.0], dtype=np.float16)}, folder / "half.safetensors")
