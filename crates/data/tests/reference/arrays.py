"""Arrays as NumPy stores them, written to arrays/: every kind of number in both byte orders and both orders of dimensions, and archives.

    python3 arrays.py    (NumPy; the committed files are those of 2.4.6)
"""

from pathlib import Path

import numpy as np

folder = Path(__file__).with_name("arrays")
folder.mkdir(exist_ok=True)
floats = np.array([[0.1, -0.0, 5e-324], [np.inf, -1.7976931348623157e308, np.nan]])
for kind in ["i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f4", "f8"]:
    for order in "<>":
        # The lowest and the highest value, or values that need their last bit.
        if kind[0] == "f":
            values = floats.astype(kind)
        else:
            info = np.iinfo(kind)
            low, high = (info.min, info.max) if kind[1] != "8" else (0 if kind[0] == "u" else -(2**53), 2**53)
            values = np.array([[low, 1, 2], [3, 4, high]], dtype=kind)
        name = {"<": "little", ">": "big"}[order]
        np.save(folder / f"{kind}_{name}.npy", values.astype(order + kind))
np.save(folder / "b1.npy", np.array([[True, False, True], [False, False, True]]))
cube = np.arange(24.0).reshape(2, 3, 4)
np.save(folder / "cube_rows.npy", cube)
np.save(folder / "cube_columns.npy", np.asfortranarray(cube))
np.save(folder / "bytes_columns.npy", np.asfortranarray(cube.astype("u1")))
np.save(folder / "scalar.npy", np.array(2.5))
np.save(folder / "row.npy", np.array([1.5, 2.5]))
for version in [(2, 0), (3, 0)]:
    with open(folder / f"version_{version[0]}.npy", "wb") as file:
        np.lib.format.write_array(file, cube[0], version=version)
np.save(folder / "refused_half.npy", np.array([1.0], dtype="f2"))
np.save(folder / "refused_complex.npy", np.array([1.0j]))
np.save(folder / "refused_objects.npy", np.array([None, {}]))
np.save(folder / "refused_text.npy", np.array(["a", "b"]))
np.save(folder / "refused_structure.npy", np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]))
np.save(folder / "refused_empty.npy", np.zeros((0, 3)))
np.save(folder / "refused_count.npy", np.array([1, 2**53 + 1]))
np.savez(folder / "stored.npz", x=cube, labels=np.array([3, 1], dtype="u1"))
np.savez_compressed(folder / "deflated.npz", x=cube, labels=np.array([3, 1], dtype="u1"))
