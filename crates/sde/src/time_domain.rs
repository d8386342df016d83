//! The times an equation is defined for, and the directions in which it may be solved.
//!
//! The score of a process is known between its data and its horizon; beyond, most formulas still give numbers, and they mean nothing. The same holds for the wrong direction: a reverse
//! process solved from data to noise is a diffusion as well, of another law. Nothing in a step can see that, so equations say what they are good for
//! ([`Sde::time_domain`](crate::Sde::time_domain), [`Ode::time_domain`](crate::Ode::time_domain)), and every solver asks once, before the first step.
//!
//! | equation | times | direction |
//! |---|---|---|
//! | [`Forward`](crate::Forward), [`LinearSde`](crate::LinearSde), [`UnderdampedLangevin`](crate::UnderdampedLangevin) | `[0, T]` | forwards |
//! | [`ReverseSde`](crate::ReverseSde), [`Reversed`](crate::Reversed) | those of what is reversed | backwards; either with `λ = 0` |
//! | [`ProbabilityFlow`](crate::ProbabilityFlow), [`MarginalFlow`](crate::MarginalFlow) | those of the process | either |
//! | [`OwnClock`](crate::OwnClock) | `T − t` of what it shows | the other one |
//! | one of your own, unless it says otherwise | all | either |

use gibbsian_core::LinearGaussian;
use gibbsian_core::error::{Error, Result};

use crate::grid::TimeGrid;

/// A direction of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TimeDirection {
    /// From earlier times to later ones.
    Forwards,
    /// From later times to earlier ones.
    Backwards,
    /// Whichever is asked for.
    Either,
}

/// An interval of times, and the direction in which it may be walked.
///
/// ```
/// use gibbsian_core::process::OrnsteinUhlenbeck;
/// use gibbsian_sde::{TimeDomain, TimeGrid};
///
/// let process = OrnsteinUhlenbeck::new(4.0)?;
/// let domain = TimeDomain::of(&process).backwards();
/// assert!(domain.check_grid(&TimeGrid::uniform(4.0, 0.0, 10)?).is_ok());
/// assert!(domain.check_grid(&TimeGrid::uniform(0.0, 4.0, 10)?).is_err());
/// assert!(domain.check_grid(&TimeGrid::uniform(5.0, 0.0, 10)?).is_err());
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TimeDomain {
    first: f64,
    last: f64,
    direction: TimeDirection,
}

impl TimeDomain {
    /// All times, in either direction.
    pub const ALL: TimeDomain = TimeDomain {
        first: f64::NEG_INFINITY,
        last: f64::INFINITY,
        direction: TimeDirection::Either,
    };

    /// The times `[first, last]`, in either direction; ends may be infinite.
    ///
    /// # Errors
    /// Ends that are NaN, or a last time that is not after the first.
    pub fn new(first: f64, last: f64) -> Result<Self> {
        if first < last {
            return Ok(TimeDomain {
                first,
                last,
                direction: TimeDirection::Either,
            });
        }
        Err(Error::parameter(
            "last",
            last,
            format!("greater than the first time, {first}"),
        ))
    }

    /// The times `[0, T]` of a process, in either direction.
    pub fn of<P: LinearGaussian + ?Sized>(process: &P) -> Self {
        TimeDomain::up_to(process.horizon())
    }

    /// The times `[0, T]`, in either direction.
    pub(crate) fn up_to(horizon: f64) -> Self {
        TimeDomain {
            first: 0.0,
            last: horizon,
            direction: TimeDirection::Either,
        }
    }

    /// The same times, forwards.
    #[must_use]
    pub fn forwards(self) -> Self {
        TimeDomain {
            direction: TimeDirection::Forwards,
            ..self
        }
    }

    /// The same times, backwards.
    #[must_use]
    pub fn backwards(self) -> Self {
        TimeDomain {
            direction: TimeDirection::Backwards,
            ..self
        }
    }

    /// The same times, in either direction.
    #[must_use]
    pub fn either_way(self) -> Self {
        TimeDomain {
            direction: TimeDirection::Either,
            ..self
        }
    }

    /// The times `T − t`, in the other direction.
    #[must_use]
    pub fn in_own_clock(self, horizon: f64) -> Self {
        TimeDomain {
            first: horizon - self.last,
            last: horizon - self.first,
            direction: match self.direction {
                TimeDirection::Forwards => TimeDirection::Backwards,
                TimeDirection::Backwards => TimeDirection::Forwards,
                TimeDirection::Either => TimeDirection::Either,
            },
        }
    }

    /// The first time of the interval.
    pub fn first(&self) -> f64 {
        self.first
    }

    /// The last time of the interval.
    pub fn last(&self) -> f64 {
        self.last
    }

    /// The direction.
    pub fn direction(&self) -> TimeDirection {
        self.direction
    }

    /// Requires a grid within these times and in this direction.
    ///
    /// # Errors
    /// Names the end of the grid that does not fit, its time, and the interval or the direction.
    pub fn check_grid(&self, grid: &TimeGrid) -> Result<()> {
        // A grid is monotone: what lies between its ends lies within.
        let last = format!("times[{}]", grid.n_steps());
        self.check(
            [("times[0]", grid.first()), (&last, grid.last())],
            "reverse the grid",
        )
    }

    /// Requires the way from one time to another to be within these times and in this direction.
    ///
    /// # Errors
    /// Names the time that does not fit, `from` or `to`, and the interval or the direction.
    pub fn check_span(&self, from: f64, to: f64) -> Result<()> {
        self.check([("from", from), ("to", to)], "exchange the two")
    }

    fn check(&self, ends: [(&str, f64); 2], turn: &str) -> Result<()> {
        let [(_, from), (name, to)] = ends;
        let wrong = match self.direction {
            TimeDirection::Forwards if to < from => Some(("greater", "forwards")),
            TimeDirection::Backwards if to > from => Some(("less", "backwards")),
            _ => None,
        };
        if let Some((relation, way)) = wrong {
            return Err(Error::parameter(
                name.to_owned(),
                to,
                format!(
                    "{relation} than the first time, {from}: the equation is solved {way} in time; {turn}"
                ),
            ));
        }
        for (name, t) in ends {
            if !(self.first..=self.last).contains(&t) {
                let cure = match self.direction {
                    TimeDirection::Backwards => "begin at the horizon and end at a small time such as 1e-3",
                    _ => "times are those of the equation, divide numbers of steps by their count",
                };
                let requirement = format!("in [{}, {}]; {cure}", self.first, self.last);
                return Err(Error::parameter(name.to_owned(), t, requirement));
            }
        }
        Ok(())
    }
}
