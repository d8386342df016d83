//! The probabilities of bonds and clusters.

use std::collections::HashMap;

use ndarray::{Array2, ArrayView2};

use super::square::Square;
use super::state::symbols_of;
use super::{ClusterModel, threshold};

/// What a step needs to know of each bond.
#[derive(Clone, Debug)]
pub(super) struct BondLaw {
    bonds: Vec<Bond>,
    /// Whether any site has a field.
    pub(super) has_fields: bool,
    square: Option<Square>,
}

/// The law of one bond.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Bond {
    /// Whether equal symbols satisfy it; otherwise different ones of the same pair do.
    pub(super) likes_equal: bool,
    /// A satisfied bond is active when a uniform 64-bit integer lies below this.
    pub(super) threshold: u64,
    /// `p`, what `threshold` says.
    pub(super) p: f64,
}

impl BondLaw {
    pub(super) fn new<M: ClusterModel + ?Sized>(model: &M) -> Self {
        let bond = |bond| {
            let gap = model.bond_gap(bond);
            let p = -(-gap.abs()).exp_m1();
            Bond {
                likes_equal: gap > 0.0,
                threshold: threshold(p),
                p,
            }
        };
        let n_symbols = model.alphabet(0).len();
        let has_field = |site| (1..n_symbols).any(|k| model.site_gain(site, k) != model.site_gain(site, 0));
        let bonds: Vec<Bond> = (0..model.graph().n_bonds()).map(bond).collect();
        let has_fields = (0..model.dim()).any(has_field);
        let is_uniform = n_symbols == 2 && !has_fields && bonds.iter().all(|bond| *bond == bonds[0]);
        let square = match bonds.first() {
            Some(bond) if is_uniform => Square::new(model.graph(), bond.likes_equal, bond.threshold),
            _ => None,
        };
        BondLaw {
            bonds,
            has_fields,
            square,
        }
    }

    /// The periodic square lattice with one coupling and no field that the model is, if it is one.
    pub(super) fn square(&self) -> Option<&Square> {
        self.square.as_ref()
    }

    pub(super) fn bond(&self, bond: usize) -> &Bond {
        &self.bonds[bond]
    }
}

impl Bond {
    /// Whether a pair of symbols satisfies the bond, where each symbol has a partner and swaps are between partners. A symbol that is its own partner never changes, and
    /// has no satisfied bonds to others.
    #[inline]
    pub(super) fn is_satisfied(&self, a: u8, b: u8, partner: &[u8]) -> bool {
        if self.likes_equal {
            a == b
        } else {
            a != b && partner[usize::from(a)] == b
        }
    }
}

/// `Σ_i gain_i(partner) − gain_i(own)` of one site, the log-odds of its turn.
#[inline]
pub(super) fn gain_of_turn<M: ClusterModel + ?Sized>(
    model: &M,
    site: usize,
    symbol: u8,
    partner: &[u8],
) -> f64 {
    let turned = usize::from(partner[usize::from(symbol)]);
    model.site_gain(site, turned) - model.site_gain(site, usize::from(symbol))
}

/// The swap of two symbols that leaves all others alone.
pub(super) fn swap(a: u8, b: u8, n_symbols: usize) -> Vec<u8> {
    let mut partner: Vec<u8> = (0..n_symbols).map(|k| k as u8).collect();
    partner.swap(usize::from(a), usize::from(b));
    partner
}

/// The active bonds of a state, in a space of few sites: sets of sites are the bits of a number.
pub(super) struct Clusters {
    n_sites: usize,
    /// `separate[i][D]`, the probability that no bond from site `i` to the set `D` is active.
    separate: Vec<Vec<f64>>,
    /// `connected[C]`, the probability that active bonds within `C` connect it.
    pub(super) connected: Vec<f64>,
    /// `Σ_{i ∈ C}` of the log-odds of turns.
    pub(super) gain: Vec<f64>,
    /// Sites whose symbol is its own partner.
    pub(super) fixed: usize,
}

impl Clusters {
    pub(super) fn new<M: ClusterModel + ?Sized>(
        model: &M,
        law: &BondLaw,
        symbols: &[u8],
        partner: &[u8],
    ) -> Self {
        let n = symbols.len();
        let n_sets = 1 << n;
        let mut inactive = vec![vec![1.0; n]; n];
        for (b, &[i, j]) in model.graph().bonds().iter().enumerate() {
            let bond = law.bond(b);
            if bond.is_satisfied(symbols[i], symbols[j], partner) {
                inactive[i][j] *= 1.0 - bond.p;
                inactive[j][i] *= 1.0 - bond.p;
            }
        }
        let separate = (0..n)
            .map(|i| over_sets(n, 1.0, |set, j| set * inactive[i][j]))
            .collect();
        let turn = |site| gain_of_turn(model, site, symbols[site], partner);
        let fixed = (0..n).filter(|&i| partner[usize::from(symbols[i])] == symbols[i]);
        let mut clusters = Clusters {
            n_sites: n,
            separate,
            connected: vec![1.0; n_sets],
            gain: over_sets(n, 0.0, |sum, site| sum + turn(site)),
            fixed: fixed.fold(0, |set, i| set | 1 << i),
        };
        // The cluster of the first site of C is all of C, or a part D of it that no active bond leaves.
        for c in 1..n_sets {
            let first = c & c.wrapping_neg();
            let rest = c ^ first;
            let mut smaller = 0.0;
            let mut others = rest;
            while others > 0 {
                let d = c ^ others;
                smaller += clusters.connected[d] * clusters.separation(d, others);
                others = (others - 1) & rest;
            }
            // Rounding must not make a probability negative where there is no way to connect C.
            clusters.connected[c] = (1.0 - smaller).max(0.0);
        }
        clusters
    }

    /// The probability that no active bond leads from one set to the other.
    pub(super) fn separation(&self, c: usize, d: usize) -> f64 {
        (0..self.n_sites)
            .filter(|i| c >> i & 1 == 1)
            .map(|i| self.separate[i][d])
            .product()
    }

    /// `Σ Π_C weight(C)` over the partitions of each set into clusters, with the probability that these are its clusters.
    pub(super) fn sum_over_partitions(&self, weight: impl Fn(usize) -> f64) -> Vec<f64> {
        let mut sums = vec![1.0; 1 << self.n_sites];
        for set in 1..sums.len() {
            let first = set & set.wrapping_neg();
            let rest = set ^ first;
            let mut sum = 0.0;
            // `others` runs through all subsets of the rest, and the cluster of the first site is what remains.
            let mut others = rest;
            loop {
                let c = set ^ others;
                sum += self.connected[c] * weight(c) * self.separation(c, others) * sums[others];
                if others == 0 {
                    break;
                }
                others = (others - 1) & rest;
            }
            sums[set] = sum;
        }
        sums
    }
}

/// A fold over the sites of each set, for all sets of `n` sites.
fn over_sets(n: usize, empty: f64, f: impl Fn(f64, usize) -> f64) -> Vec<f64> {
    let mut values = vec![empty; 1 << n];
    for set in 1..values.len() {
        let last = set.ilog2() as usize;
        values[set] = f(values[set ^ 1 << last], last);
    }
    values
}

/// The matrix whose rows `fill` writes: `fill(law, symbols, add)` calls `add(changed, probability)` for every way from the state of `symbols` to another.
pub(super) fn matrix<M: ClusterModel + ?Sized>(
    model: &M,
    states: ArrayView2<f64>,
    fill: impl Fn(&BondLaw, &[u8], &mut dyn FnMut(&[u8], f64)),
) -> Array2<f64> {
    let law = BondLaw::new(model);
    let symbols = symbols_of(model, states);
    let rows: Vec<&[u8]> = symbols.chunks(model.dim()).collect();
    let number: HashMap<&[u8], usize> = rows.iter().enumerate().map(|(i, row)| (*row, i)).collect();
    let mut p = Array2::zeros((rows.len(), rows.len()));
    for (i, row) in rows.iter().enumerate() {
        fill(&law, row, &mut |changed, probability| {
            p[[i, number[changed]]] += probability;
        });
    }
    p
}

/// `symbols` with the sites of a set turned.
pub(super) fn turned(symbols: &[u8], set: usize, partner: &[u8]) -> Vec<u8> {
    let sites = symbols.iter().enumerate();
    sites
        .map(|(i, &symbol)| {
            if set >> i & 1 == 1 {
                partner[usize::from(symbol)]
            } else {
                symbol
            }
        })
        .collect()
}
