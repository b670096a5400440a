"""Ion channels: gates, powers, reversals, each with its source.

All voltages in mV, times in ms, conductances in S/cm2, calcium in mM. A gate x relaxes to inf(v)
with tau(v): dx/dt = (inf - x)/tau; a channel conducts density x (product of gates to their powers).
Hay et al. (2011), "Models of neocortical layer 5b pyramidal cells capturing a wide range of
dendritic and perisomatic active properties", PLoS Comput Biol 7:e1002107, is the source of the set.
Its temperature factor q = 2.3^((34 - 21)/10) speeds the sodium channels, Im and Ca_LVAst only.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurojoule.cells.errors import UnknownChannelError
from neurojoule.errors import UnknownNameError

Array = NDArray[np.float64]
Kinetics = Callable[[Array], tuple[Array, Array]]

Q10 = 2.3**1.3


@dataclass(frozen=True)
class Gate:
    """A gate: its power in the conductance, and (inf, tau in ms) as functions of v in mV."""

    power: int
    kinetics: Kinetics


@dataclass(frozen=True)
class Channel:
    """A channel: conductance = density x product of gates to their powers.

    Attributes:
        reversal_mv: of its current.
        gates: at most two, of powers 1 to 4 and 1; none for a leak.
        carries_calcium: whether its current feeds the calcium pool of its compartment.
        gated_by_calcium: whether its one gate follows calcium, not voltage (`sk_inf`, `SK_TAU_MS`).
        source: where the kinetics come from.
    """

    name: str
    reversal_mv: float
    gates: tuple[Gate, ...]
    source: str
    carries_calcium: bool = False
    gated_by_calcium: bool = False


@dataclass(frozen=True)
class CalciumPool:
    """d ca/dt = -10^4 i_ca gamma/(2 F depth) - (ca - rest)/decay, i_ca in mA/cm2 (Hay 2011)."""

    gamma: float = 5.09e-4
    decay_ms: float = 294.7
    rest_mm: float = 1e-4
    depth_um: float = 0.1

    @property
    def mm_per_ms_and_ma_cm2(self) -> float:
        """Rise of calcium a ms and an inward mA/cm2."""
        return 1e4 * self.gamma / (2 * FARADAY * self.depth_um)


FARADAY = 96485.33212
"""C/mol (CODATA 2018)."""

POOL = CalciumPool()

SK_TAU_MS = 1.0


def sk_inf(calcium_mm: Array) -> Array:
    """Steady state of SK_E2's gate: 1/(1 + (0.43 uM/ca)^4.8); 0 without calcium."""
    power = np.maximum(calcium_mm, 0.0) ** 4.8
    return np.asarray(power / (power + 0.00043**4.8), dtype=np.float64)


def linoid(slope: float, x: Array, k: float) -> Array:
    """L(a, x, k) = a x/(1 - exp(-x/k)), with its limit a k at x = 0."""
    small = np.abs(x / k) < 1e-6
    safe = np.where(small, k, x)
    # Near 0 the series a k (1 + x/(2k)) is exact to 1e-13.
    full = np.where(small, slope * k * (1 + x / (2 * k)), slope * safe / -np.expm1(-safe / k))
    return np.asarray(full, dtype=np.float64)


def _from_rates(alpha: Array, beta: Array, q: float = 1.0) -> tuple[Array, Array]:
    return alpha / (alpha + beta), 1 / ((alpha + beta) * q)


def _sodium(shift: float) -> tuple[Gate, Gate]:
    def m(v: Array) -> tuple[Array, Array]:
        x = v + 38 - shift
        return _from_rates(linoid(0.182, x, 6), linoid(0.124, -x, 6), Q10)

    def h(v: Array) -> tuple[Array, Array]:
        x = v + 66 - shift
        return _from_rates(linoid(0.015, -x, 6), linoid(0.015, x, 6), Q10)

    return Gate(3, m), Gate(1, h)


def _kv3(v: Array) -> tuple[Array, Array]:
    return 1 / (1 + np.exp(-(v - 18.7) / 9.7)), 4 / (1 + np.exp(-(v + 46.56) / 44.14))


def _im(v: Array) -> tuple[Array, Array]:
    return _from_rates(3.3e-3 * np.exp(0.1 * (v + 35)), 3.3e-3 * np.exp(-0.1 * (v + 35)), Q10)


def _ih(v: Array) -> tuple[Array, Array]:
    return _from_rates(linoid(0.00643, -(v + 154.9), 11.9), 0.193 * np.exp(v / 33.1))


def _ca_hva_m(v: Array) -> tuple[Array, Array]:
    return _from_rates(linoid(0.055, v + 27, 3.8), 0.94 * np.exp((-75 - v) / 17))


def _ca_hva_h(v: Array) -> tuple[Array, Array]:
    return _from_rates(0.000457 * np.exp((-13 - v) / 50), 0.0065 / (np.exp((-v - 15) / 28) + 1))


def _ca_lva_m(v: Array) -> tuple[Array, Array]:
    return 1 / (1 + np.exp(-(v + 40) / 6)), (5 + 20 / (1 + np.exp((v + 35) / 5))) / Q10


def _ca_lva_h(v: Array) -> tuple[Array, Array]:
    return 1 / (1 + np.exp((v + 90) / 6.4)), (20 + 50 / (1 + np.exp((v + 50) / 7))) / Q10


CHANNELS: dict[str, Channel] = {
    channel.name: channel
    for channel in (
        Channel("pas", -90, (), "leak"),
        Channel("NaTa_t", 50, _sodium(0), "Colbert & Pan 2002, as in Hay et al. 2011"),
        Channel("NaTs2_t", 50, _sodium(6), "Colbert & Pan 2002, shifted by 6 mV (Hay et al. 2011)"),
        Channel("SKv3_1", -85, (Gate(1, _kv3),), "Rettig et al. 1992, as in Hay et al. 2011"),
        Channel("Im", -85, (Gate(1, _im),), "Adams et al. 1982, as in Hay et al. 2011"),
        Channel("Ih", -45, (Gate(1, _ih),), "Kole, Hallermann & Stuart 2006"),
        Channel(
            "Ca_HVA",
            120,
            (Gate(2, _ca_hva_m), Gate(1, _ca_hva_h)),
            "Reuveni et al. 1993, as in Hay et al. 2011",
            carries_calcium=True,
        ),
        Channel(
            "Ca_LVAst",
            120,
            (Gate(2, _ca_lva_m), Gate(1, _ca_lva_h)),
            "Avery & Johnston 1996; Randall & Tsien 1997, as in Hay et al. 2011",
            carries_calcium=True,
        ),
        Channel(
            "SK_E2", -85, (), "Kohler et al. 1996, as in Hay et al. 2011", gated_by_calcium=True
        ),
    )
}


def channel(name: str) -> Channel:
    """The channel called `name`.

    Raises:
        UnknownChannelError: with the nearest names.
    """
    try:
        return CHANNELS[name]
    except KeyError:
        raise UnknownChannelError(str(UnknownNameError("channel", name, CHANNELS))) from None
