//! What is claimed.

use crate::{Check, Claim, Provenance};

pub(super) const TORUS_VALUE: Claim = Claim {
    claim: "log Z of the 32 × 32 torus at the critical coupling",
    source: "Kaufman (1949), evaluated independently with thirty digits",
    provenance: Provenance::Exact,
    quick: Some(Check::value(952.648_079_548_5).within(1e-10)),
    full: Check::value(952.648_079_548_5).within(1e-10),
    reason: "the number has ten decimals, and sums of 128 terms of order ten err by some 1e-13",
};

pub(super) const ROUTES: Claim = Claim {
    claim: "enumeration, the transfer matrix and Kaufman's formula give one log Z on tori of 3², 4² and 8² sites at five couplings: the largest relative \
            difference",
    source: "three sums that share no term; enumeration up to 4² sites",
    provenance: Provenance::Exact,
    quick: Some(Check::at_most(1e-12)),
    full: Check::at_most(1e-12),
    reason: "rounding of sums of up to 2^16 positive terms",
};

pub(super) const ENERGY: Claim = Claim {
    claim: "the sampled energy of every size at every temperature is Kaufman's: the largest deviation in standard errors",
    source: "Kaufman (1949), first derivative",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_most(4.0)),
    full: Check::at_most(4.0),
    reason: "about a hundred points: four standard errors of a jackknife over 60 blocks (Student, 59 degrees of freedom) are exceeded by chance in 1 run of 55",
};

pub(super) const HEAT_CAPACITY: Claim = Claim {
    claim: "so is the sampled heat capacity: the largest deviation in standard errors",
    source: "Kaufman (1949), second derivative",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_most(4.0)),
    full: Check::at_most(4.0),
    reason: "as for the energy",
};

pub(super) const QUADRATURE: Claim = Claim {
    claim: "12 nodes are enough to integrate the exact energies of 8², 16² and 32² sites from coupling zero to the critical one: the largest error in units of the \
            statistical one",
    source: "Gauss–Legendre quadrature of an analytic function",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_most(0.25)),
    full: Check::at_most(1.0),
    reason: "the rule errs by 0.005 at 32² sites, and the statistical error is some hundredths; at full scale it is a quarter of that",
};

pub(super) const LOG_Z: Claim = Claim {
    claim: "log Z at the critical point from sampled energies, integrated over the coupling, is Kaufman's: the largest deviation in standard errors of three sizes",
    source: "d log Z/dK = Σ⟨x_i x_j⟩; Kaufman (1949)",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_most(4.0)),
    full: Check::at_most(4.0),
    reason: "four standard errors; the error of the rule adds little",
};

pub(super) const MAGNETISATION: Claim = Claim {
    claim: "|m| of the largest lattice is Yang's spontaneous magnetisation at T ≤ 2.1: the largest deviation in standard errors",
    source: "Yang (1952)",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_most(4.0)),
    full: Check::at_most(4.0),
    reason: "the lattice is at least 17 correlation lengths long, so the difference of the two is of order 1e-7",
};

pub(super) const INFINITE_ENERGY: Claim = Claim {
    claim: "its energy is Onsager's at T ≤ 2.1 and T ≥ 2.6: the largest deviation in standard errors",
    source: "Onsager (1944)",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_most(4.0)),
    full: Check::at_most(4.0),
    reason: "the lattice is at least 14 correlation lengths long, so the energies differ by a relative 1e-6",
};

pub(super) const CROSSING_SMALL: Claim = Claim {
    claim: "Binder's cumulants of 8² and 16² sites cross near T_c = 2 / ln(1 + √2): the temperature of the crossing",
    source: "Binder (1981); Onsager (1944) for T_c",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::value(2.269_185).within_standard_errors(4.0)),
    full: Check::value(2.269_185).within_standard_errors(4.0),
    reason: "four standard errors of a parabola through the difference; a correction of relative order L^(−7/4) = 0.026 to a cumulant of slope L/2 a unit of temperature \
             shifts the crossing by less than one of them",
};

pub(super) const CROSSING_LARGE: Claim = Claim {
    claim: "those of 32² and 64² sites cross nearer: the temperature of the crossing",
    source: "Binder (1981); Onsager (1944) for T_c",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::value(2.269_185).within_standard_errors(4.0)),
    full: Check::value(2.269_185).within_standard_errors(4.0),
    reason: "the shift is 4^(11/4) = 45 times smaller than that of the smallest pair, so the error is statistical",
};

pub(super) const CROSSING_ERROR: Claim = Claim {
    claim: "which is told to within a standard error of 0.004",
    source: "the jackknife errors of the cumulants and the fit",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_most(0.004)),
    full: Check::at_most(0.0015),
    reason: "a wider error would let any temperature near the peak of the heat capacity pass",
};

pub(super) const CUMULANT: Claim = Claim {
    claim: "the cumulant at the critical point is universal: that of 32² sites",
    source: "Kamieniarz and Blöte (1993): ⟨m²⟩² / ⟨m⁴⟩ = 0.856216 on square tori, from transfer matrices, extrapolated",
    provenance: Provenance::Published,
    quick: Some(Check::value(0.610_690).within(0.012)),
    full: Check::value(0.610_690).within(0.004),
    reason: "a correction of order 32^(−7/4) = 0.002 and statistical errors of 0.002 at quick scale, a quarter of that at full scale",
};

pub(super) const EXPONENT: Claim = Claim {
    claim: "N⟨m²⟩ at the critical point grows as L^(7/4): the exponent of a fit over all sizes, by mean cluster sizes",
    source: "γ/ν = 7/4, from the exact correlation function of the critical lattice (Wu 1966)",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::value(1.75).within(0.03)),
    full: Check::value(1.75).within(0.01),
    reason: "the analytic background of the susceptibility changes the smallest size by half a percent, a slope by 0.003; the statistical error is 0.006 at quick scale, and a third of that at full scale",
};

pub(super) const IMPROVED: Claim = Claim {
    claim: "the mean size of the cluster of a site is N⟨m²⟩ at every size and temperature: the largest deviation of their difference in standard errors",
    source: "Wolff (1988): the expectation of (Σ x_i)² given the clusters is Σ n_C²",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_most(4.0)),
    full: Check::at_most(4.0),
    reason: "about a hundred points; the difference has mean zero given the clusters",
};

pub(super) const LESS_VARIANCE: Claim = Claim {
    claim: "above T = 2.55 it is the better estimate: the largest ratio of standard errors, 32² sites",
    source: "Wolff (1988); the law of total variance for independent states",
    provenance: Provenance::MonteCarlo,
    quick: Some(Check::at_most(1.0)),
    full: Check::at_most(1.0),
    reason: "m is nearly normal there, so m² has the relative variance 2 and a sum over many clusters much less; clusters are remembered for a sweep or two longer",
};
