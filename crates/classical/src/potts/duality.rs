//! Duality of planar graphs, and what it says of the square lattice.
//!
//! Without fields, `e^{J δ} = 1 + v δ` with `v = e^J − 1`, and expanding the product over bonds gives `Z = Σ_A q^{k(A)} Π_{b ∈ A} v_b` over sets `A` of bonds, with the number `k(A)` of
//! connected components (Fortuin and Kasteleyn 1972). A bond of a planar graph `G` crosses a bond of its dual `G*`, whose sites are the faces of `G`; let `A*` be the dual bonds that cross none of
//! `A`. By Euler's formula `k(A) = |V| − |A| + k(A*) − 1`, so that on a connected graph with `|V|` sites and the bonds `B`
//!
//! `Z_G(J) = q^{|V| − |B| − 1} Π_b (e^{J_b} − 1) · Z_{G*}(J*)`,  `(e^J − 1)(e^{J*} − 1) = q`.
//!
//! The square lattice is its own dual, a strong coupling there is a weak one here, and if there is one transition it is where `J = J*`, at `e^J − 1 = √q` (Potts 1952). That it is has been proved by
//! Beffara and Duminil-Copin (2012). The transition is continuous for `q ≤ 4` and of first order for more colours (Baxter 1973).

use gibbsian_core::Result;
use gibbsian_core::error::check_positive;

use super::check_colours;

/// `J_c = log(1 + √q)`, the coupling at which the square lattice of `q` colours orders: with `J` held, at the temperature `T_c = J / log(1 + √q)`.
///
/// ```
/// use gibbsian_classical::ising::CRITICAL_COUPLING;
/// use gibbsian_classical::potts::critical_coupling;
///
/// // Two colours are spins with half the coupling.
/// assert!((critical_coupling(2)? - 2.0 * CRITICAL_COUPLING).abs() < 1e-15);
/// assert!((critical_coupling(4)?.recip() - 0.910239).abs() < 1e-6);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
///
/// # Errors
/// Fewer than two colours or more than 256.
pub fn critical_coupling(n_colours: usize) -> Result<f64> {
    check_colours(n_colours)?;
    Ok((n_colours as f64).sqrt().ln_1p())
}

/// The coupling `J* = log(1 + q / (e^J − 1))` of the dual graph; the dual of the dual is `J`.
///
/// ```
/// use gibbsian_classical::potts::{critical_coupling, dual_coupling};
///
/// let j = dual_coupling(3, 0.4)?;
/// assert!(j > critical_coupling(3)?);
/// assert!((dual_coupling(3, j)? - 0.4).abs() < 1e-15);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
///
/// # Errors
/// Fewer than two colours or more than 256; a coupling that is not positive and finite: an antiferromagnet has no dual, as `e^{J*}` would be negative or the weights of the
/// expansion would have signs.
pub fn dual_coupling(n_colours: usize, coupling: f64) -> Result<f64> {
    check_colours(n_colours)?;
    check_positive("coupling", coupling)?;
    // q / (e^J − 1) = q e^{−J} / (1 − e^{−J}), which does not overflow.
    let decay = (-coupling).exp();
    Ok((n_colours as f64 * decay / -(-coupling).exp_m1()).ln_1p())
}
