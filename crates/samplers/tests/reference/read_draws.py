"""Reads a store of draws as a user of ArviZ does, and requires the numbers that were written.

    cargo test -p gibbsian-samplers --test driver store::draws_come_back
    python read_draws.py target/tmp/driver/formula.zarr

With `zarr` 2, ArviZ reads it itself (seen with arviz 0.23.4, zarr 2.18.7, xarray 2024.10.0); with `zarr` 3, xarray opens the tree and ArviZ
takes it (arviz 0.23.4, zarr 3.1.6, xarray 2026.9.0; arviz-base 0.8.2 and arviz-stats 0.8.0, the parts of ArviZ 1, read the same tree). `draw_store.txt` holds what was read to its bytes.
"""

import sys

import arviz as az
import numpy as np


def open_store(path):
    try:
        return az.from_zarr(path)
    except ImportError:
        import xarray as xr

        return az.InferenceData.from_datatree(xr.open_datatree(path, engine="zarr"))


def main(path):
    data = open_store(path)
    c, d = np.meshgrid(np.arange(4), np.arange(250), indexing="ij")
    draws = np.stack([(((c * 7 + d * 13 + i * 29) * 31) % 101) / 7.0 for i in range(5)], axis=-1)
    posterior, statistics = data.posterior, data.sample_stats
    assert posterior["mean"].dims == ("chain", "draw", "mean_dim_0"), posterior["mean"].dims
    assert np.array_equal(posterior["mean"].values, draws[..., 0:2])
    assert np.array_equal(posterior["scale"].values, draws[..., 2])
    assert np.array_equal(posterior["weights"].values, draws[..., 3:5].reshape(4, 250, 1, 2))
    assert np.array_equal(posterior["draw"].values, np.arange(250))
    assert np.array_equal(statistics["lp"].values, -((c * 5 + d * 11) % 17) / 3.0)
    assert statistics["diverging"].dtype == bool, statistics["diverging"].dtype
    assert np.array_equal(statistics["diverging"].values, (c + d) % 5 == 0)
    assert statistics["tree_depth"].dtype == np.int64, statistics["tree_depth"].dtype
    assert np.array_equal(statistics["tree_depth"].values, (c + d) % 4)
    assert posterior.attrs["inference_library"] == "gibbsian"

    summary = az.summary(data, round_to="none")
    names = ["mean[0]", "mean[1]", "scale", "weights[0, 0]", "weights[0, 1]"]
    assert list(summary.index) == names, list(summary.index)
    for i, name in enumerate(names):
        assert np.isclose(summary.loc[name, "mean"], draws[..., i].mean(), rtol=1e-12)
        assert np.isclose(summary.loc[name, "sd"], draws[..., i].std(ddof=1), rtol=1e-12)
    print(summary)


if __name__ == "__main__":
    main(sys.argv[1])
