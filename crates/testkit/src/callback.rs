//! What a pullback hands to its callback.

use ndarray::{ArrayBase, Data, Dimension};

use crate::agreement::close;
use crate::differences::Precision;
use crate::verdict::{Failure, Verdict, require};

/// Watches a callback: it must run exactly once a call, on the values of the whole batch.
pub(crate) struct Callback {
    law: &'static str,
    n_calls: usize,
    first_failure: Option<Failure>,
    precision: Precision,
}

impl Callback {
    /// Watches under `law`, for example "the callback is handed the energies".
    pub(crate) fn new(law: &'static str, precision: Precision) -> Self {
        Callback {
            law,
            n_calls: 0,
            first_failure: None,
            precision,
        }
    }

    /// A call begins.
    pub(crate) fn called(&mut self) {
        self.n_calls += 1;
    }

    /// One array that the callback was handed, and what it should be.
    pub(crate) fn handed<S: Data<Elem = f64>, R: Data<Elem = f64>, D: Dimension>(
        &mut self,
        found: &ArrayBase<S, D>,
        expected: &ArrayBase<R, D>,
    ) {
        if let Err(failure) = close(self.law, found, expected, self.precision.agreement()) {
            self.first_failure.get_or_insert(failure);
        }
    }

    /// The verdict after one pullback.
    pub(crate) fn finish(self) -> Verdict {
        require(
            self.n_calls == 1,
            "the callback runs once",
            format_args!("it ran {} times", self.n_calls),
        )?;
        self.first_failure.map_or(Ok(()), Err)
    }
}
