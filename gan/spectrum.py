"""What all bands of a spectrometer tell of a pixel, in a few numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..datasets.tile import FloatArray


@dataclass(frozen=True)
class Spectrum:
    """Leading principal components of clear spectra (Pearson 1901).

    Each is a weighted sum over all bands, so the noise of single bands averages out.
    """

    bands: list[int]
    """Indices of the bands looked at; empty: nothing is."""
    mean: FloatArray
    """(band,) of the clear spectra."""
    axes: FloatArray
    """(band, component) orthonormal, of falling variance."""

    @classmethod
    def of(cls, bands: list[int], spectra: FloatArray, components: int) -> Spectrum:
        """The components of ``spectra`` (n, band), all finite; at most ``components``."""
        mean = spectra.mean(axis=0)
        _, axes = np.linalg.eigh(np.cov(spectra.T.astype(np.float64)))
        return cls(bands, mean, axes[:, ::-1][:, :components].astype(np.float32))

    @classmethod
    def none(cls) -> Spectrum:
        """Of a sensor whose bands are all looked at one by one."""
        return cls([], np.zeros(0, np.float32), np.zeros((0, 0), np.float32))

    def beside(self, x: FloatArray, values: FloatArray) -> FloatArray:
        """Features (n, feature) with the components of ``values`` (band, n) added as columns.

        A band without data counts as the mean.
        """
        if not self.bands:
            return x
        off = np.nan_to_num(values.T - self.mean)
        return np.hstack([x, off @ self.axes])
