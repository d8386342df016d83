//! What is integrated over, and where something is known to happen.

use gibbsian_core::error::{Error, Result, check_positive};
use ndarray::ArrayView1;

use super::interval::{Axis, Interval};

/// An interval, or a rectangle whose sides are intervals, with peaks that must not be missed.
///
/// ```
/// use gibbsian_densities::quadrature::{Domain, Interval};
/// let plane = Domain::rectangle(Interval::line(), Interval::line());
/// let plane = plane.with_peak(&[1000.0, -3.0], 0.01)?;
/// assert_eq!(plane.dim(), 2);
/// # Ok::<(), gibbsian_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Domain {
    sides: Vec<Interval>,
    peaks: Vec<(Vec<f64>, f64)>,
}

/// A place where something happens and its widths along each axis, in the variables `t` of the axes.
#[derive(Clone, Debug)]
pub(super) struct Peak {
    pub(super) at: Vec<f64>,
    pub(super) widths: Vec<f64>,
}

impl Domain {
    /// One dimension.
    pub fn interval(side: Interval) -> Self {
        Domain {
            sides: vec![side],
            peaks: Vec::new(),
        }
    }

    /// Two dimensions.
    pub fn rectangle(first: Interval, second: Interval) -> Self {
        Domain {
            sides: vec![first, second],
            peaks: Vec::new(),
        }
    }

    /// All points of one or two dimensions.
    ///
    /// # Errors
    /// Another number of dimensions.
    pub fn whole(dim: usize) -> Result<Self> {
        match dim {
            1 => Ok(Domain::interval(Interval::line())),
            2 => Ok(Domain::rectangle(Interval::line(), Interval::line())),
            n => Err(Error::parameter("dim", n, "1 or 2")),
        }
    }

    /// Says that something of this width happens at this point, so that the first cells there are no wider than a few times that.
    ///
    /// Adaptation sees what its points see: a peak that is much narrower than its distance from the ends and from the centre of a line
    /// should be announced. [`numeric_log_z`](super::numeric_log_z) finds the peaks of an energy itself.
    ///
    /// # Errors
    /// A point that is not inside the domain, a width that is not positive.
    pub fn with_peak(mut self, at: &[f64], width: f64) -> Result<Self> {
        check_positive("width", width)?;
        if at.len() != self.sides.len() {
            return Err(Error::shape("at", &[at.len()], self.sides.len()));
        }
        if let Some(d) = (0..at.len()).find(|&d| !self.sides[d].contains(at[d])) {
            let name = format!("at[{d}]");
            return Err(Error::parameter(name, at[d], "inside the domain"));
        }
        self.peaks.push((at.to_vec(), width));
        Ok(self)
    }

    /// One or two.
    pub fn dim(&self) -> usize {
        self.sides.len()
    }

    /// Whether the point `(D)` belongs to the domain, ends of closed intervals included.
    ///
    /// # Panics
    /// When the point has another number of coordinates.
    pub fn contains(&self, x: ArrayView1<f64>) -> bool {
        assert_eq!(
            x.len(),
            self.sides.len(),
            "coordinates of a point and sides of the domain"
        );
        self.sides.iter().zip(x).all(|(side, &x)| side.includes(x))
    }

    /// The sides, each with its substitution.
    pub(super) fn axes(&self) -> Vec<Axis> {
        self.sides
            .iter()
            .map(|&side| Axis::new(side, self.sides.len()))
            .collect()
    }

    /// The announced peaks, in the variables of the axes.
    pub(super) fn peaks(&self, axes: &[Axis]) -> Vec<Peak> {
        let peak = |(at, width): &(Vec<f64>, f64)| {
            let at: Vec<f64> = axes.iter().zip(at).map(|(axis, &x)| axis.parameter(x)).collect();
            let widths = axes
                .iter()
                .zip(&at)
                .map(|(axis, &t)| width / axis.at(t).1)
                .collect();
            Peak { at, widths }
        };
        self.peaks.iter().map(peak).collect()
    }
}
