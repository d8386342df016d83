//! What every model of this crate says of itself.

/// Parameters, precision and dimension, for a type with a `machine` and a `dim`.
macro_rules! model {
    ($model:ident) => {
        impl $model {
            /// The same model with the arithmetic of another precision.
            pub fn with_precision(self, precision: Precision) -> Self {
                $model {
                    machine: self.machine.with_precision(precision),
                    ..self
                }
            }

            /// The precision of the arithmetic.
            pub fn precision(&self) -> Precision {
                self.machine.precision()
            }
        }

        impl Space for $model {
            fn dim(&self) -> usize {
                self.dim
            }
        }

        impl Parametric for $model {
            fn layout(&self) -> Layout {
                self.machine.layout().clone()
            }

            fn params(&self) -> Array1<f64> {
                self.machine.params().clone()
            }

            fn n_params(&self) -> usize {
                self.machine.params().len()
            }
        }

        impl ParametricMut for $model {
            fn set_params(&mut self, params: ArrayView1<f64>) -> Result<()> {
                self.machine.set_params(params)
            }

            fn update_params(
                &mut self,
                change: &mut dyn FnMut(ArrayViewMut1<f64>) -> Result<()>,
            ) -> Result<()> {
                self.machine.update_params(change)
            }
        }
    };
}

/// A score with all its derivatives, for a model with `scores`, of rows and perhaps their times.
macro_rules! score {
    (
        $model:ident, ($($t:ident: $type:ty)?), $time:expr,
        $score:ident::$score_into:ident,
        $jvp:ident::{$jvp_into:ident, $divergence_into:ident},
        $pullback:ident::$pullback_with:ident,
        $jvp_pullback:ident::{$jvp_pullback_with:ident, $divergence_pullback_with:ident},
    ) => {
        impl $score for $model {
            fn $score_into(&self, x: ArrayView2<f64>, $($t: $type,)? out: ArrayViewMut2<f64>) {
                self.scores.score(&self.machine, &views(x, $time, None), out);
            }
        }

        impl $jvp for $model {
            fn $jvp_into(
                &self,
                x: ArrayView2<f64>,
                $($t: $type,)?
                v: ArrayView2<f64>,
                score: ArrayViewMut2<f64>,
                jvp: ArrayViewMut2<f64>,
            ) {
                self.scores.jvp(&self.machine, &views(x, $time, Some(v)), score, jvp);
            }

            fn $divergence_into(&self, x: ArrayView2<f64>, $($t: $type,)? mut out: ArrayViewMut1<f64>) {
                let is_done = self.scores.divergence(&self.machine, &views(x, $time, None), out.view_mut());
                if !is_done {
                    trace_into(x, out, |v, score, jvp| self.$jvp_into(x, $($t,)? v, score, jvp));
                }
            }
        }

        impl $pullback for $model {
            fn $pullback_with(
                &self,
                x: ArrayView2<f64>,
                $($t: $type,)?
                cotangent: &mut dyn FnMut(ArrayView2<f64>, ArrayViewMut2<f64>),
                grad: ArrayViewMut1<f64>,
            ) {
                let views = views(x, $time, None);
                self.scores.score_pullback(&self.machine, &views, cotangent, grad);
            }
        }

        impl $jvp_pullback for $model {
            fn $jvp_pullback_with(
                &self,
                x: ArrayView2<f64>,
                $($t: $type,)?
                v: ArrayView2<f64>,
                cotangent: &mut JvpCotangent<'_>,
                grad: ArrayViewMut1<f64>,
            ) {
                let views = views(x, $time, Some(v));
                self.scores.jvp_pullback(&self.machine, &views, cotangent, grad);
            }

            fn $divergence_pullback_with(
                &self,
                x: ArrayView2<f64>,
                $($t: $type,)?
                cotangent: &mut DivergenceCotangent<'_>,
                mut grad: ArrayViewMut1<f64>,
            ) {
                let views = views(x, $time, None);
                let is_done = self.scores.divergence_pullback(&self.machine, &views, cotangent, grad.view_mut());
                if !is_done {
                    let (mut score, mut divergence) = (Array2::zeros(x.raw_dim()), Array1::zeros(x.nrows()));
                    self.$score_into(x, $($t,)? score.view_mut());
                    self.$divergence_into(x, $($t,)? divergence.view_mut());
                    let pull = &mut |v: ArrayView2<f64>, cotangent: &mut JvpCotangent<'_>, grad: ArrayViewMut1<f64>| {
                        self.$jvp_pullback_with(x, $($t,)? v, cotangent, grad);
                    };
                    trace_pullback(score, divergence, cotangent, pull, grad);
                }
            }
        }
    };
}

/// [`score!`] for a score that does not depend on a time.
macro_rules! static_score {
    ($model:ident) => {
        score! {
            $model, (), None,
            Score::score_into,
            ScoreJvp::{score_jvp_into, divergence_into},
            ScorePullback::score_pullback_with,
            ScoreJvpPullback::{score_jvp_pullback_with, divergence_pullback_with},
        }
    };
}

/// [`score!`] for a score that depends on a time.
macro_rules! timed_score {
    ($model:ident) => {
        score! {
            $model, (t: ArrayView1<f64>), Some(t),
            TimeScore::score_at_into,
            TimeScoreJvp::{score_jvp_at_into, divergence_at_into},
            TimeScorePullback::score_pullback_at_with,
            TimeScoreJvpPullback::{score_jvp_pullback_at_with, divergence_pullback_at_with},
        }
    };
}

/// An energy that has its score already, for a model with `energies`, of rows and perhaps their times.
macro_rules! energy {
    (
        $model:ident, ($($t:ident: $type:ty)?), $time:expr,
        $energy:ident::$energy_into:ident,
        $potential:ident::$energy_and_score_into:ident,
        $pullback:ident::$pullback_with:ident,
    ) => {
        impl $energy for $model {
            fn $energy_into(&self, x: ArrayView2<f64>, $($t: $type,)? out: ArrayViewMut1<f64>) {
                self.energies.energy(&self.machine, &views(x, $time, None), out);
            }
        }

        impl $potential for $model {
            fn $energy_and_score_into(
                &self,
                x: ArrayView2<f64>,
                $($t: $type,)?
                energy: ArrayViewMut1<f64>,
                score: ArrayViewMut2<f64>,
            ) {
                let views = views(x, $time, None);
                self.energies.energy_and_score(&self.machine, &views, energy, score);
            }
        }

        impl $pullback for $model {
            fn $pullback_with(
                &self,
                x: ArrayView2<f64>,
                $($t: $type,)?
                weigh: &mut dyn FnMut(ArrayView1<f64>, ArrayViewMut1<f64>),
                grad: ArrayViewMut1<f64>,
            ) {
                self.energies.pullback(&self.machine, &views(x, $time, None), weigh, grad);
            }
        }
    };
}

/// [`energy!`] for an energy that does not depend on a time.
macro_rules! static_energy {
    ($model:ident) => {
        energy! {
            $model, (), None,
            Energy::energy_into,
            Potential::energy_and_score_into,
            EnergyPullback::energy_pullback_with,
        }
    };
}

/// [`energy!`] for an energy that depends on a time.
macro_rules! timed_energy {
    ($model:ident) => {
        energy! {
            $model, (t: ArrayView1<f64>), Some(t),
            TimeEnergy::energy_at_into,
            TimePotential::energy_and_score_at_into,
            TimeEnergyPullback::energy_pullback_at_with,
        }
    };
}
