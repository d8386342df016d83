//! Where the iteration starts: centres by k-means++ and a few rounds of k-means.
//!
//! k-means++ draws each further centre with probability proportional to the squared distance to the nearest centre so far (Arthur and
//! Vassilvitskii 2007); of several candidates the one that reduces the sum of squared distances most is taken, as their section 6 suggests.
//! Lloyd's iteration then moves the centres to the means of their points. Distances are taken in units of each coordinate's standard deviation:
//! the fit must not depend on whether a length is given in metres or in miles.

use gibbsian_core::error::{Error, Result};
use gibbsian_core::parallel::map_blocks;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};
use rand::{Rng, RngExt};

/// Rounds of Lloyd's iteration; EM itself does the fine work.
const LLOYD_ROUNDS: usize = 10;

/// The nearest of `n_centres` centres to every row of `x`, by k-means++ and k-means.
///
/// # Errors
/// If `x` has fewer distinct rows than centres.
pub(super) fn assign(
    x: ArrayView2<f64>,
    variances: ArrayView1<f64>,
    n_centres: usize,
    rng: &mut dyn Rng,
) -> Result<Vec<usize>> {
    let scaled = &x / &variances.mapv(f64::sqrt);
    let mut centres = plus_plus(scaled.view(), n_centres, rng)?;
    let mut nearest = nearest(scaled.view(), centres.view());
    for _ in 0..LLOYD_ROUNDS {
        let means = means(scaled.view(), &nearest, n_centres);
        if means == centres {
            break;
        }
        let moved = self::nearest(scaled.view(), means.view());
        // Each centre of k-means++ owns a point, itself; a round that would leave one without is one too many.
        if (0..n_centres).any(|k| !moved.contains(&k)) {
            break;
        }
        (centres, nearest) = (means, moved);
    }
    Ok(nearest)
}

/// `n_centres` rows of `x`, spread out.
fn plus_plus(x: ArrayView2<f64>, n_centres: usize, rng: &mut dyn Rng) -> Result<Array2<f64>> {
    let n_candidates = 2 + (n_centres as f64).ln() as usize;
    let mut centres = Array2::zeros((n_centres, x.ncols()));
    centres.row_mut(0).assign(&x.row(rng.random_range(0..x.nrows())));
    let mut distances = squared_distances(x, centres.row(0));
    for k in 1..n_centres {
        let total = distances.sum();
        if total == 0.0 {
            return Err(Error::parameter(
                "the number of distinct rows of x",
                k,
                format!("at least the number of components, {n_centres}"),
            ));
        }
        let (row, closer) = (0..n_candidates)
            .map(|_| {
                let row = pick(distances.view(), total, rng);
                let mut closer = squared_distances(x, x.row(row));
                closer.zip_mut_with(&distances, |new, old| *new = new.min(*old));
                (row, closer)
            })
            .min_by(|(_, a), (_, b)| a.sum().total_cmp(&b.sum()))
            .expect("there are at least two candidates");
        centres.row_mut(k).assign(&x.row(row));
        distances = closer;
    }
    Ok(centres)
}

/// A position, with probability proportional to its weight.
fn pick(weights: ArrayView1<f64>, total: f64, rng: &mut dyn Rng) -> usize {
    let mut rest = rng.random::<f64>() * total;
    for (position, &weight) in weights.iter().enumerate() {
        rest -= weight;
        if rest < 0.0 {
            return position;
        }
    }
    // Rounding has left a little of the total: the last position with a weight.
    weights.iter().rposition(|&weight| weight > 0.0).unwrap_or(0)
}

fn squared_distance(a: ArrayView1<f64>, b: ArrayView1<f64>) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
}

fn squared_distances(x: ArrayView2<f64>, centre: ArrayView1<f64>) -> Array1<f64> {
    let blocks = map_blocks(x.nrows(), |_, rows| {
        rows.map(|b| squared_distance(x.row(b), centre))
            .collect::<Vec<_>>()
    });
    blocks.concat().into()
}

fn nearest(x: ArrayView2<f64>, centres: ArrayView2<f64>) -> Vec<usize> {
    let closest = |row: ArrayView1<f64>| {
        let distances = centres
            .rows()
            .into_iter()
            .map(|centre| squared_distance(row, centre));
        distances
            .enumerate()
            .min_by(|(_, a), (_, b)| a.total_cmp(b))
            .map_or(0, |(k, _)| k)
    };
    map_blocks(x.nrows(), |_, rows| {
        rows.map(|b| closest(x.row(b))).collect::<Vec<_>>()
    })
    .concat()
}

/// The mean of the rows that belong to each centre, which are never none.
fn means(x: ArrayView2<f64>, nearest: &[usize], n_centres: usize) -> Array2<f64> {
    let mut sums = Array2::<f64>::zeros((n_centres, x.ncols()));
    let mut counts = vec![0.0; n_centres];
    for (row, &k) in x.axis_iter(Axis(0)).zip(nearest) {
        let mut sum = sums.row_mut(k);
        sum += &row;
        counts[k] += 1.0;
    }
    sums / &Array1::from(counts).insert_axis(Axis(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use gibbsian_core::Seed;
    use ndarray::array;

    #[test]
    fn well_separated_groups_are_found_whatever_their_unit() {
        // Three corners of a square; the second coordinate is measured in a tiny unit, in which two of them differ.
        let x = Array2::from_shape_fn((300, 2), |(b, d)| {
            let wobble = ((b * 7919 + d * 104_729) % 101) as f64 / 101.0;
            let corner = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0]][b % 3][d];
            [1.0, 1e-6][d] * (50.0 * corner + wobble)
        });
        let variances = x.var_axis(Axis(0), 0.0);
        let mut rng = Seed::new(1).rng();
        let groups = assign(x.view(), variances.view(), 3, &mut rng).unwrap();
        for b in 0..300 {
            assert_eq!(groups[b], groups[b % 3], "row {b}");
        }
        assert!(groups[0] != groups[1] && groups[1] != groups[2] && groups[0] != groups[2]);
    }

    #[test]
    fn a_further_centre_is_drawn_by_squared_distance() {
        let mut rng = Seed::new(2).rng();
        let weights = array![0.0, 1.0, 3.0, 0.0];
        let mut counts = [0; 4];
        for _ in 0..4000 {
            counts[pick(weights.view(), 4.0, &mut rng)] += 1;
        }
        assert_eq!((counts[0], counts[3]), (0, 0));
        // 1000 expected; five standard deviations are 137.
        assert!((863..1137).contains(&counts[1]), "{counts:?}");
    }

    #[test]
    fn too_few_distinct_rows_are_refused() {
        let x = array![[1.0], [2.0], [1.0], [2.0], [2.0]];
        let error = assign(x.view(), array![0.24].view(), 3, &mut Seed::new(3).rng()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`the number of distinct rows of x` is 2, but must be at least the number of components, 3"
        );
    }
}
