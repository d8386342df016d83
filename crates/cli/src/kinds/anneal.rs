//! Normalisers by annealing and what they certify, for every kind that has a path.

use gibbsian_core::{Path, Seed};
use gibbsian_partition::{
    Certificate, CertificateVerdict, Estimate, ForwardAis, Inconclusive, Ladder, Pilot, ais, raise,
};
use ndarray::{ArrayView2, Axis};
use serde::Deserialize;
use serde_json::json;

use super::Verdict;
use crate::check;
use crate::data::prepare::spread_rows;
use crate::failure::{Failure, Result};
use crate::progress::Progress;

/// Temperatures of the pilot run.
const PILOT: usize = 300;

/// How a normaliser is annealed and certified.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct Annealing {
    /// Chains of forward annealing.
    pub chains: usize,
    /// Temperatures between the base and the model.
    pub temperatures: usize,
    /// Test rows of the certificate.
    pub cases: usize,
    /// Reverse chains from each of them.
    pub chains_per_case: usize,
    /// The confidence of intervals and bounds.
    pub level: f64,
    /// The widest enclosure that certifies, in nats.
    pub tolerance: f64,
}

impl Annealing {
    /// Checks the keys, which are in the section `[evaluation]`; cures name the `usual` values of the kind.
    pub(crate) fn check(&self, usual: &Self) -> Result<()> {
        check::at_least(
            "evaluation.chains",
            self.chains as u64,
            2,
            &format!("set evaluation.chains = {}", usual.chains),
        )?;
        check::at_least(
            "evaluation.temperatures",
            self.temperatures as u64,
            10,
            &format!("set evaluation.temperatures = {}", usual.temperatures),
        )?;
        check::at_least(
            "evaluation.cases",
            self.cases as u64,
            2,
            &format!("set evaluation.cases = {}", usual.cases),
        )?;
        check::at_least(
            "evaluation.chains_per_case",
            self.chains_per_case as u64,
            1,
            &format!("set evaluation.chains_per_case = {}", usual.chains_per_case),
        )?;
        check::level(
            "evaluation.level",
            self.level,
            &format!("set evaluation.level = {}", usual.level),
        )?;
        check::positive(
            "evaluation.tolerance",
            self.tolerance,
            &format!("set evaluation.tolerance = {}, in nats", usual.tolerance),
        )
    }

    /// Requires rows that a certificate can be made of.
    pub(crate) fn check_rows(&self, n_rows: usize) -> Result<()> {
        if n_rows >= 2 {
            return Ok(());
        }
        Err(Failure::refused(
            "one row has no certificate: its error is that of several rows",
            "give more rows with --data FILE, or train with a larger data.hold_out",
        ))
    }

    /// Anneals forward, with temperatures placed where a pilot run found the work.
    pub(crate) fn forward<P: Path>(
        &self,
        path: &P,
        seed: Seed,
        progress: &Progress,
    ) -> Result<(Ladder, ForwardAis, Estimate)> {
        progress.begin("placing temperatures");
        let n_pilot = (self.chains / 2).max(2);
        let pilot = Pilot::run(
            path,
            &Ladder::linear(PILOT)?,
            n_pilot,
            &mut seed.child("pilot").rng(),
        )?;
        let ladder = pilot.ladder(self.temperatures)?;
        progress.begin(&format!(
            "annealing {} chains over {} temperatures",
            self.chains, self.temperatures
        ));
        let forward = ais(path, &ladder, self.chains, &mut seed.child("forward").rng())?;
        let estimate = forward.estimate(self.level)?;
        Ok((ladder, forward, estimate))
    }

    /// Encloses the mean log-probability of rows of `x`, as many as there are to be cases and evenly spread, between RAISE and forward annealing; and says so where these are not all.
    pub(crate) fn certify<P: Path>(
        &self,
        path: &P,
        ladder: &Ladder,
        forward: &ForwardAis,
        x: ArrayView2<f64>,
        seed: Seed,
        progress: &Progress,
    ) -> Result<(Certificate, Option<String>)> {
        let (n, k) = (x.nrows(), x.nrows().min(self.cases));
        let cases = x.select(Axis(0), &spread_rows(n, k));
        progress.begin(&format!(
            "RAISE: {} chains from each of {} rows",
            self.chains_per_case,
            cases.nrows()
        ));
        let raised = raise(
            path,
            ladder,
            cases.view(),
            self.chains_per_case,
            &mut seed.child("raise").rng(),
        )?;
        let certificate = Certificate::new(forward, &raised, self.level, self.tolerance)?;
        let of_which = (k < n).then(|| format!("certificate over {k} of {n} rows, evenly spread"));
        Ok((certificate, of_which))
    }
}

/// The conclusion of a certificate, with what to do where it is none.
pub(crate) fn verdict(certificate: &Certificate) -> Verdict {
    match certificate.verdict {
        CertificateVerdict::Certified { .. } => Verdict::Enclosed {
            n_cases: certificate.n_cases,
            bounds: (certificate.bounds.lower, certificate.bounds.upper),
        },
        CertificateVerdict::Inconclusive {
            why: Inconclusive::EndsApart { gap },
        } => Verdict::NotCertified(format!(
            "inconclusive: both ends are {gap:.3} nats apart; more evaluation.temperatures, or more evaluation.chains_per_case"
        )),
        CertificateVerdict::Inconclusive {
            why: Inconclusive::MonteCarloError { width },
        } => Verdict::NotCertified(format!(
            "inconclusive: Monte Carlo error makes the enclosure {width:.3} nats wide; more evaluation.chains and evaluation.cases"
        )),
        CertificateVerdict::Contradiction { standard_errors } => Verdict::NotCertified(format!(
            "contradiction by {standard_errors:.1} standard errors: annealing misses a part of the model; many more evaluation.temperatures, or training that mixes better"
        )),
    }
}

/// An estimate for programs.
pub(crate) fn estimate_json(estimate: &Estimate) -> serde_json::Value {
    json!({
        "log_z": estimate.log_z,
        "standard_error": estimate.standard_error,
        "interval": [estimate.interval.lower, estimate.interval.upper],
        "level": estimate.interval.level,
        "effective_sample_size": estimate.effective_sample_size,
        "chains": estimate.n_chains,
        "trusted": estimate.reliability.is_trusted(),
        "diagnosis": estimate.reliability.to_string(),
    })
}

/// A certificate for programs.
pub(crate) fn certificate_json(certificate: &Certificate) -> serde_json::Value {
    json!({
        "cases": certificate.n_cases,
        "conservative": certificate.conservative,
        "optimistic": certificate.optimistic,
        "bounds": [certificate.bounds.lower, certificate.bounds.upper],
        "level": certificate.bounds.level,
        "gap_standard_error": certificate.gap_standard_error,
        "certified": matches!(certificate.verdict, CertificateVerdict::Certified { .. }),
    })
}
