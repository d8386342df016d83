//! Points on circular arcs and spirals, with isotropic normal noise.
//!
//! A strand is a piece of an Archimedean spiral `m(t) = c + ρ(t) (± cos t, ± sin t)`, `ρ(t) = radius + growth · t`, an arc when it does not grow. Its points have a
//! parameter with density proportional to `ρ`, which is about even along the curve. With normal noise
//!
//! `p(x) = ∫ N(x; m(t), σ² I) π(t) dt`, and with `d = (x − m)/σ` averaged under the posterior of `t`,
//! `∇ log p = −⟨d⟩/σ`, Hessian `= (Cov d − I)/σ²`.
//!
//! These are integrals of one variable, and they are computed to rounding at every distance: the parameter is cut into panels, each of which gets the
//! 21 nodes of a Kronrod rule, exact to degree 31. If `|f| ≤ M` on the ellipse with foci at the ends of a panel of half-width `w` and semi-axes `2.125 w`
//! and `1.875 w` (ρ = 4), the rule errs by at most `w · 8/3 · 4^{−31} M ≈ 6·10⁻¹⁹ w M` (Trefethen 2019, theorem 8.2). A panel is halved until Taylor's theorem
//! promises `M ≤ e⁴` in units of the largest value seen, and left out when everything in it is below `e^{−60}`. Near the curve
//! that is some ten panels; 10⁶ standard deviations away it is as many narrower ones.

use std::f64::consts::TAU;

use gibbsian_core::StreamRng;
use rand::RngExt;
use rand_distr::StandardNormal;

use super::law::Jet;
use crate::quadrature::{Sum, rule};

/// The larger semi-axis of the ellipse, in half-widths of a panel.
const REACH: f64 = 2.125;
/// The growth of `f` on the ellipse over the largest value: `M ≤ e⁴`.
const ALLOWED: f64 = 4.0;
/// Panels below `e^{−60}` of the largest value are left out.
const NEGLIGIBLE: f64 = 60.0;
/// Panels are narrower than this, so that sines and cosines are at most 1.2 times larger on the ellipse.
const WIDEST: f64 = 0.3;
const COMPLEX: f64 = 1.2;
/// Panels narrower than this part of a strand cannot be halved in doubles.
const NARROWEST: f64 = 1e-15;

/// A piece of a spiral, `0 ≤ t ≤ sweep`.
#[derive(Clone, Debug)]
pub(super) struct Strand {
    pub(super) centre: [f64; 2],
    /// The signs of cosine and sine: exact, which angles like π are not.
    pub(super) signs: [f64; 2],
    pub(super) radius: f64,
    pub(super) growth: f64,
    pub(super) sweep: f64,
}

impl Strand {
    fn rho(&self, t: f64) -> f64 {
        self.radius + self.growth * t
    }

    /// `∫ ρ dt`.
    fn total(&self) -> f64 {
        self.sweep * (self.radius + 0.5 * self.growth * self.sweep)
    }

    /// `m(t)` and `m′(t)`.
    fn at(&self, t: f64) -> ([f64; 2], [f64; 2]) {
        let (sin, cos) = t.sin_cos();
        let (rho, growth) = (self.rho(t), self.growth);
        let place = [
            self.centre[0] + self.signs[0] * (rho * cos),
            self.centre[1] + self.signs[1] * (rho * sin),
        ];
        let velocity = [
            self.signs[0] * (growth * cos - rho * sin),
            self.signs[1] * (growth * sin + rho * cos),
        ];
        (place, velocity)
    }

    /// The parameter of a draw: `∫₀ᵗ ρ = u ∫ ρ`, solved without a difference.
    fn quantile(&self, u: f64) -> f64 {
        let area = u * self.total();
        let root = (self.radius * self.radius + 2.0 * self.growth * area).sqrt();
        if area > 0.0 {
            2.0 * area / (self.radius + root)
        } else {
            0.0
        }
    }
}

/// Strands, each as likely as the others, with noise.
#[derive(Clone, Debug)]
pub(super) struct NoisyStrands {
    pub(super) strands: Vec<Strand>,
    pub(super) deviation: f64,
}

/// Room for panels and nodes.
#[derive(Default)]
pub(super) struct Scratch {
    pending: Vec<Panel>,
    ready: Vec<Panel>,
    nodes: Vec<Node>,
}

#[derive(Clone, Copy)]
struct Panel {
    strand: usize,
    middle: f64,
    half: f64,
    /// The exponent is not smaller anywhere on it.
    lowest: f64,
}

/// A point of a curve that others are seen from.
#[derive(Clone, Copy)]
struct Base {
    place: [f64; 2],
    d: [f64; 2],
}

impl Base {
    /// `d − d_base` of another place.
    fn offset(&self, place: [f64; 2], deviation: f64) -> [f64; 2] {
        [0, 1].map(|i| (self.place[i] - place[i]) / deviation)
    }

    /// `½ d² − ½ d_base²`, as a product: far away the squares agree in all digits.
    fn exponent(&self, offset: [f64; 2], d: [f64; 2]) -> f64 {
        0.5 * (offset[0] * (d[0] + self.d[0]) + offset[1] * (d[1] + self.d[1]))
    }
}

struct Node {
    /// `d − d_base`.
    offset: [f64; 2],
    /// `½ d² − ½ d_base²`.
    exponent: f64,
    weight: f64,
}

impl NoisyStrands {
    /// `log p` and its derivatives.
    pub(super) fn jet(&self, x: [f64; 2], scratch: &mut Scratch) -> Jet {
        let Some(base) = self.place_nodes(x, scratch) else {
            return Jet::without_derivatives(f64::NEG_INFINITY);
        };
        let nodes = &mut scratch.nodes;
        let lowest = nodes
            .iter()
            .fold(f64::INFINITY, |low, node| low.min(node.exponent));
        let (mut mass, mut sums) = (Sum::default(), [Sum::default(); 2]);
        for node in nodes.iter_mut() {
            node.weight *= (lowest - node.exponent).exp();
            mass.add(node.weight);
            for (sum, offset) in sums.iter_mut().zip(node.offset) {
                sum.add(node.weight * offset);
            }
        }
        let mass = mass.value();
        let mean = sums.map(|sum| sum.value() / mass);
        let mut spread = [0.0; 3];
        for node in nodes.iter() {
            let [dx, dy] = [0, 1].map(|i| node.offset[i] - mean[i]);
            for (sum, product) in spread.iter_mut().zip([dx * dx, dx * dy, dy * dy]) {
                *sum += node.weight * product;
            }
        }
        let [xx, xy, yy] = spread.map(|sum| sum / mass);
        let precision = 1.0 / (self.deviation * self.deviation);
        let nearest = 0.5 * (base.d[0] * base.d[0] + base.d[1] * base.d[1]);
        Jet {
            value: mass.ln() - (nearest + lowest) - (TAU.ln() + 2.0 * self.deviation.ln()),
            gradient: [0, 1].map(|i| -(base.d[i] + mean[i]) / self.deviation),
            hessian: [precision * (xx - 1.0), precision * xy, precision * (yy - 1.0)],
        }
    }

    /// One draw.
    pub(super) fn draw(&self, rng: &mut StreamRng) -> [f64; 2] {
        let strand = &self.strands[rng.random_range(0..self.strands.len())];
        let (place, _) = strand.at(strand.quantile(rng.random()));
        place.map(|m| m + self.deviation * rng.sample::<f64, _>(StandardNormal))
    }

    /// Fills `scratch.nodes` and answers with the point that they are seen from; none if `x` is so far away that squares overflow.
    fn place_nodes(&self, x: [f64; 2], scratch: &mut Scratch) -> Option<Base> {
        let Scratch {
            pending,
            ready,
            nodes,
        } = scratch;
        ready.clear();
        nodes.clear();
        pending.clear();
        pending.extend(self.strands.iter().enumerate().map(|(strand, s)| Panel {
            strand,
            middle: 0.5 * s.sweep,
            half: 0.5 * s.sweep,
            lowest: f64::NEG_INFINITY,
        }));
        let first = self.strands[0].at(0.0).0;
        let first = Base {
            place: first,
            d: self.deviations(x, first),
        };
        let mut base = first;
        let mut best = 0.0;
        while let Some(mut panel) = pending.pop() {
            let strand = &self.strands[panel.strand];
            let (place, velocity) = strand.at(panel.middle);
            let d = self.deviations(x, place);
            let distance = d[0].hypot(d[1]);
            let exponent = first.exponent(first.offset(place, self.deviation), d);
            if !(exponent.is_finite() && (distance * distance).is_finite()) {
                return None;
            }
            if exponent < best {
                best = exponent;
                base = Base { place, d };
            }
            let largest_rho = strand.rho(panel.middle + panel.half);
            let speed = strand.growth.hypot(largest_rho) / self.deviation;
            let acceleration = (2.0 * strand.growth).hypot(largest_rho) / self.deviation;
            // The distance falls by at most this much.
            let change = (panel.half * speed).min(distance);
            panel.lowest = exponent - change * (distance - 0.5 * change);
            if panel.lowest > best + NEGLIGIBLE {
                continue;
            }
            // The exponent has the derivatives −d · m′/σ and (|m′|² − …)/σ².
            let slope = (d[0] * velocity[0] + d[1] * velocity[1]) / self.deviation;
            let bend = COMPLEX * (speed * speed + (distance + panel.half * speed) * acceleration);
            let reach = REACH * panel.half;
            // Differences of exponents are known to some ε of their terms, and what is not known need not be resolved.
            let unknown = 8.0 * f64::EPSILON * distance * (largest_rho / self.deviation);
            let is_resolved = panel.half <= WIDEST
                && reach * slope.abs() + 0.5 * reach * reach * bend <= ALLOWED + unknown + exponent - best;
            if is_resolved || panel.half <= NARROWEST * strand.sweep {
                ready.push(panel);
                continue;
            }
            let half = 0.5 * panel.half;
            let mut halves = [-half, half].map(|step| Panel {
                middle: panel.middle + step,
                half,
                ..panel
            });
            // The half with the larger values comes off the stack first, so that `best` is good early.
            if slope < 0.0 {
                halves.reverse();
            }
            pending.extend(halves);
        }
        for panel in ready.iter().filter(|panel| panel.lowest <= best + NEGLIGIBLE) {
            let strand = &self.strands[panel.strand];
            let share = panel.half / (strand.total() * self.strands.len() as f64);
            for i in 0..rule::N {
                let t = panel.middle + panel.half * rule::node(i);
                let (place, _) = strand.at(t);
                let offset = base.offset(place, self.deviation);
                nodes.push(Node {
                    offset,
                    exponent: base.exponent(offset, self.deviations(x, place)),
                    weight: share * rule::kronrod(i) * strand.rho(t),
                });
            }
        }
        Some(base)
    }

    fn deviations(&self, x: [f64; 2], place: [f64; 2]) -> [f64; 2] {
        [0, 1].map(|i| (x[i] - place[i]) / self.deviation)
    }
}

/// The law of a density that is noisy strands in its field `strands`.
macro_rules! strands_law {
    ($type:ty) => {
        impl $crate::planar::law::Law for $type {
            type Scratch = $crate::planar::strands::Scratch;

            fn jet(&self, x: [f64; 2], scratch: &mut Self::Scratch) -> $crate::planar::law::Jet {
                self.strands.jet(x, scratch)
            }

            fn value(&self, x: [f64; 2], scratch: &mut Self::Scratch) -> f64 {
                self.strands.jet(x, scratch).value
            }

            fn draw(&self, rng: &mut gibbsian_core::StreamRng) -> [f64; 2] {
                self.strands.draw(rng)
            }
        }

        $crate::planar::law::smooth_density!($type);
    };
}
pub(super) use strands_law;
