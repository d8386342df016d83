//! Finite spaces: alphabets, enumeration, and energies of single-site changes.
//!
//! On a finite space everything can be checked against enumeration, and much of it is: the exact normaliser, exact gradients and
//! transition matrices all start from [`Discrete::states`].

use ndarray::{Array2, ArrayView2, ArrayViewMut1, ArrayViewMut2, s};

use crate::energy::{Energy, Space, assert_two_symbols};
use crate::error::{Error, Result, check_batch};

/// A space whose coordinates take finitely many values each.
pub trait Discrete: Space {
    /// The values that coordinate `site` can take, without repetition, for example `[0, 1]` or `[−1, 1]`.
    fn alphabet(&self, site: usize) -> &[f64];

    /// Requires a batch of at least one row whose entries are symbols of their site's alphabet, and names the first that is none.
    ///
    /// # Errors
    /// No rows, a wrong number of columns, or an entry outside its alphabet, such as NaN.
    fn check_states(&self, name: &'static str, x: ArrayView2<f64>) -> Result<()> {
        check_batch(name, &x, self.dim())?;
        match x
            .indexed_iter()
            .find(|((_, site), v)| !self.alphabet(*site).contains(v))
        {
            None => Ok(()),
            Some(((b, site), v)) => Err(Error::parameter(
                format!("{name}[{b}, {site}]"),
                v,
                format!(
                    "one of {:?}; round or threshold the data, and recode other symbols to these",
                    self.alphabet(site)
                ),
            )),
        }
    }

    /// The number of states, or `None` when it exceeds `u64`.
    ///
    /// Provided for the product of all alphabets; a space that is smaller overrides it together with [`Discrete::states_into`].
    fn n_states(&self) -> Option<u64> {
        count_product(self.dim(), |site| self.alphabet(site))
    }

    /// Writes the states number `first, first + 1, …` into the rows of `out`; coordinate 0 changes fastest.
    fn states_into(&self, first: u64, out: ArrayViewMut2<f64>) {
        product_states_into(|site| self.alphabet(site), first, out);
    }

    /// All states, one a row, in the order of [`Discrete::states_into`].
    ///
    /// # Errors
    /// More than 2²⁴ states: enumerate those in blocks with [`Discrete::states_into`].
    fn states(&self) -> Result<Array2<f64>> {
        match self.n_states() {
            Some(n) if n <= 1 << 24 => {
                let mut out = Array2::zeros((n as usize, self.dim()));
                self.states_into(0, out.view_mut());
                Ok(out)
            }
            n => Err(Error::parameter(
                "n_states",
                n.map_or("above 2^64".to_owned(), |n| n.to_string()),
                "at most 2^24 to be listed at once",
            )),
        }
    }
}

/// The number of combinations of one symbol of each of `n` alphabets, or `None` when it exceeds `u64`.
pub(crate) fn count_product<'a>(n: usize, alphabet: impl Fn(usize) -> &'a [f64]) -> Option<u64> {
    (0..n).try_fold(1u64, |count, site| count.checked_mul(alphabet(site).len() as u64))
}

/// Writes the combinations number `first, first + 1, …` into the rows of `out`; coordinate 0 changes fastest.
pub(crate) fn product_states_into<'a>(
    alphabet: impl Fn(usize) -> &'a [f64],
    first: u64,
    mut out: ArrayViewMut2<f64>,
) {
    for (k, mut row) in out.rows_mut().into_iter().enumerate() {
        let mut rest = first + k as u64;
        for (site, value) in row.iter_mut().enumerate() {
            let alphabet = alphabet(site);
            let n = alphabet.len() as u64;
            *value = alphabet[(rest % n) as usize];
            rest /= n;
        }
    }
}

/// An energy on a finite space that knows what changing one site costs.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no energy on sites with finite alphabets",
    note = "pseudo-likelihood, ratio matching and kernels that change one site need one; a continuous model is trained by score matching or with Langevin chains"
)]
pub trait DiscreteEnergy: Energy + Discrete {
    /// Writes `E(x_b with x_site = a) − E(x_b)` for each symbol `a` of the site's alphabet into `out` `(B, |A|)`.
    ///
    /// The symbol that the site has costs zero. A symbol that leaves the support costs +∞; from a row outside the support the
    /// differences are −∞ or NaN.
    ///
    /// The provided form evaluates the energy once a symbol; override it where a local formula exists.
    fn site_deltas_into(&self, x: ArrayView2<f64>, site: usize, mut out: ArrayViewMut2<f64>) {
        let energy = self.energy(x);
        let mut changed = x.to_owned();
        for (k, &symbol) in self.alphabet(site).iter().enumerate() {
            changed.column_mut(site).fill(symbol);
            let mut column = out.column_mut(k);
            self.energy_into(changed.view(), column.view_mut());
            column -= &energy;
        }
    }

    /// Writes `E(x_b with site i flipped) − E(x_b)` into `out` `(B, D)`, for spaces whose alphabets have two symbols.
    ///
    /// # Panics
    /// When an alphabet does not have two symbols.
    fn flip_deltas_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut2<f64>) {
        let mut deltas = Array2::zeros((x.nrows(), 2));
        for site in 0..self.dim() {
            let alphabet = self.alphabet(site);
            assert_two_symbols(site, alphabet);
            self.site_deltas_into(x, site, deltas.view_mut());
            for (b, value) in x.slice(s![.., site]).iter().enumerate() {
                // The symbol that the site does not have.
                out[[b, site]] = deltas[[b, usize::from(*value == alphabet[0])]];
            }
        }
    }
}

/// An energy on a finite space whose formula can be read at real numbers and differentiated there.
///
/// `E(x) = −½ x'Jx − h'x` is an energy of spins, but nothing in the formula asks its `x` to be ±1. Its gradient at a state estimates what every
/// change of one site would cost, `E(x with x_i = a) − E(x) ≈ ∂_i E(x) (a − x_i)`, all of them for the price of one gradient. Proposals are
/// made from such estimates and corrected by the energy itself (Grathwohl, Swersky, Hashemi, Duvenaud and Maddison 2021).
///
/// The formula is that of [`Energy::energy_into`], which must therefore take real rows near the states. Other formulas agree with it at the states (`x_i² = 1`
/// may be added at will) and have other gradients; how good the proposals are depends on the choice, what they converge to does not.
pub trait RelaxedEnergy: DiscreteEnergy {
    /// Writes `s = −∂E/∂x` at the rows of `x` `(B, D)` into `out` `(B, D)`.
    ///
    /// The sign is that of a score, because that is what it would be if the space were continuous.
    fn relaxed_score_into(&self, x: ArrayView2<f64>, out: ArrayViewMut2<f64>);

    /// The relaxed scores of all rows, in a new array.
    fn relaxed_score(&self, x: ArrayView2<f64>) -> Array2<f64> {
        let mut out = Array2::zeros(x.raw_dim());
        self.relaxed_score_into(x, out.view_mut());
        out
    }

    /// Writes `E(x_b)` into `energy` `(B)` and the relaxed scores into `score` `(B, D)`; override it where they share work.
    fn energy_and_relaxed_score_into(
        &self,
        x: ArrayView2<f64>,
        energy: ArrayViewMut1<f64>,
        score: ArrayViewMut2<f64>,
    ) {
        self.energy_into(x, energy);
        self.relaxed_score_into(x, score);
    }
}

macro_rules! through_pointer {
    ($pointer:ty) => {
        impl<T: Discrete + ?Sized> Discrete for $pointer {
            fn alphabet(&self, site: usize) -> &[f64] {
                (**self).alphabet(site)
            }

            fn check_states(&self, name: &'static str, x: ArrayView2<f64>) -> Result<()> {
                (**self).check_states(name, x)
            }

            fn n_states(&self) -> Option<u64> {
                (**self).n_states()
            }

            fn states_into(&self, first: u64, out: ArrayViewMut2<f64>) {
                (**self).states_into(first, out);
            }

            fn states(&self) -> Result<Array2<f64>> {
                (**self).states()
            }
        }

        impl<T: DiscreteEnergy + ?Sized> DiscreteEnergy for $pointer {
            fn site_deltas_into(&self, x: ArrayView2<f64>, site: usize, out: ArrayViewMut2<f64>) {
                (**self).site_deltas_into(x, site, out);
            }

            fn flip_deltas_into(&self, x: ArrayView2<f64>, out: ArrayViewMut2<f64>) {
                (**self).flip_deltas_into(x, out);
            }
        }

        impl<T: RelaxedEnergy + ?Sized> RelaxedEnergy for $pointer {
            fn relaxed_score_into(&self, x: ArrayView2<f64>, out: ArrayViewMut2<f64>) {
                (**self).relaxed_score_into(x, out);
            }

            fn energy_and_relaxed_score_into(
                &self,
                x: ArrayView2<f64>,
                energy: ArrayViewMut1<f64>,
                score: ArrayViewMut2<f64>,
            ) {
                (**self).energy_and_relaxed_score_into(x, energy, score);
            }
        }
    };
}
through_pointer!(&T);
through_pointer!(Box<T>);

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    struct Mixed;

    impl Space for Mixed {
        fn dim(&self) -> usize {
            3
        }
    }

    impl Discrete for Mixed {
        fn alphabet(&self, site: usize) -> &[f64] {
            [&[0.0, 1.0][..], &[-1.0, 0.0, 1.0], &[-1.0, 1.0]][site]
        }
    }

    impl Energy for Mixed {
        fn energy_into(&self, x: ArrayView2<f64>, mut out: ArrayViewMut1<f64>) {
            for (e, row) in out.iter_mut().zip(x.rows()) {
                *e = row[0] * row[1] + 2.0 * row[2];
            }
        }
    }

    impl DiscreteEnergy for Mixed {}

    #[test]
    fn every_state_is_listed_once() {
        let states = Mixed.states().unwrap();
        assert_eq!(states.dim(), (12, 3));
        for i in 0..12 {
            for j in 0..i {
                assert_ne!(states.row(i), states.row(j));
            }
        }
        assert_eq!(states.row(1), array![1.0, -1.0, -1.0]);
    }

    #[test]
    fn site_deltas_are_energy_differences() {
        let mut out = Array2::zeros((1, 3));
        Mixed.site_deltas_into(array![[1.0, 0.0, 1.0]].view(), 1, out.view_mut());
        assert_eq!(out, array![[-1.0, 0.0, 1.0]]);
    }

    #[test]
    fn rows_outside_the_space_are_refused_by_name() {
        let refuse = |x: Array2<f64>| Mixed.check_states("x", x.view()).unwrap_err().to_string();
        assert!(Mixed.check_states("x", Mixed.states().unwrap().view()).is_ok());
        // Each site has an alphabet of its own: 0 is a symbol of the second site and none of the third.
        assert_eq!(
            refuse(array![[0.0, 0.0, 1.0], [0.0, 0.0, 0.0]]),
            "`x[1, 2]` is 0, but must be one of [-1.0, 1.0]; round or threshold the data, and recode other symbols to these"
        );
        assert_eq!(
            refuse(array![[f64::NAN, 0.0, 1.0]]),
            "`x[0, 0]` is NaN, but must be one of [0.0, 1.0]; round or threshold the data, and recode other symbols to these"
        );
        assert_eq!(
            refuse(array![[0.0, 1.0]]),
            "`x` has shape [1, 2], but must have shape (at least 1, 3)"
        );
    }

    struct Huge;

    impl Space for Huge {
        fn dim(&self) -> usize {
            70
        }
    }

    impl Discrete for Huge {
        fn alphabet(&self, _site: usize) -> &[f64] {
            &[0.0, 1.0]
        }
    }

    #[test]
    fn a_space_too_large_to_list_is_an_error() {
        assert_eq!(Huge.n_states(), None);
        assert!(Huge.states().unwrap_err().to_string().contains("2^24"));
    }

    /// One of three sites is on.
    struct OneOfThree;

    impl Space for OneOfThree {
        fn dim(&self) -> usize {
            3
        }
    }

    impl Discrete for OneOfThree {
        fn alphabet(&self, _site: usize) -> &[f64] {
            &[0.0, 1.0]
        }

        fn n_states(&self) -> Option<u64> {
            Some(3)
        }

        fn states_into(&self, first: u64, mut out: ArrayViewMut2<f64>) {
            out.fill(0.0);
            for (k, mut row) in out.rows_mut().into_iter().enumerate() {
                row[first as usize + k] = 1.0;
            }
        }
    }

    #[test]
    fn a_space_smaller_than_its_product_stays_so_at_other_temperatures() {
        let states = OneOfThree.states().unwrap();
        assert_eq!(states.nrows(), 3);
        let scaled = crate::Scaled::new(OneOfThree, 0.5).unwrap();
        assert_eq!(scaled.states().unwrap(), states);
        let between = crate::Interpolated::new(OneOfThree, OneOfThree, 0.5).unwrap();
        assert_eq!(between.states().unwrap(), states);
    }
}
