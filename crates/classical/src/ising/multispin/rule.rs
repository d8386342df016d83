//! With which probability a site is turned.

use gibbsian_core::math::sigmoid;
use gibbsian_core::simd::{LaneRng, Vectorized, vectorized};

/// The probability of a turn for each spin, down and up, and number of neighbours that are equal to it.
pub(super) type Turns = [[f64; 5]; 2];

/// What a flip costs in each of these situations: `ΔE = 2 (J (2n − 4) + h x)` with `n` equal neighbours.
fn costs(coupling: f64, field: f64) -> Turns {
    let cost = |x: f64| [0.0, 1.0, 2.0, 3.0, 4.0].map(|n| 2.0 * (coupling * (2.0 * n - 4.0) + field * x));
    [cost(-1.0), cost(1.0)]
}

/// `min(1, e^−ΔE)`.
pub(super) fn metropolis(coupling: f64, field: f64) -> Turns {
    costs(coupling, field).map(|costs| costs.map(|cost| (-cost).exp().min(1.0)))
}

/// `1 / (1 + e^ΔE)`, the law of the spin given its neighbours.
pub(super) fn heat_bath(coupling: f64, field: f64) -> Turns {
    costs(coupling, field).map(|costs| costs.map(|cost| sigmoid(-cost)))
}

/// A rule in integers.
///
/// Probabilities of one are turns without a draw. The others are classes of situations with the same probability; the two that a Metropolis sweep has without
/// a field are a case of their own, because each class costs an operation a digit.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Rule {
    /// Situations in which a site is turned for certain, a bit each: bit `n` for a spin that is down, bit `5 + n` for one that is up.
    certain: u16,
    /// The threshold and the situations of each class.
    classes: Vec<(u64, u16)>,
}

impl Rule {
    pub(super) fn new(turns: &Turns) -> Self {
        let mut rule = Rule {
            certain: 0,
            classes: Vec::new(),
        };
        for (k, &p) in turns.iter().flatten().enumerate() {
            let (threshold, situation) = (crate::clusters::threshold(p), 1 << k);
            if p == 1.0 {
                rule.certain |= situation;
            } else if let Some(class) = rule.classes.iter_mut().find(|class| class.0 == threshold) {
                class.1 |= situation;
            } else if threshold > 0 {
                rule.classes.push((threshold, situation));
            }
        }
        rule
    }

    /// The probability of a turn in each situation, as it is drawn.
    pub(super) fn law(&self) -> Turns {
        let p = |k: usize| {
            let class = self.classes.iter().find(|class| class.1 >> k & 1 == 1);
            if self.certain >> k & 1 == 1 {
                1.0
            } else {
                class.map_or(0.0, |class| class.0 as f64 / 2f64.powi(64))
            }
        };
        [[0, 1, 2, 3, 4].map(p), [5, 6, 7, 8, 9].map(p)]
    }
}

/// Up to 64 words of sites and of the neighbours of each.
pub(super) struct Sites<'a> {
    pub(super) own: &'a mut [u64],
    pub(super) neighbours: [&'a [u64]; 4],
}

/// The most words that are turned at once, so that all that is needed stays in the first-level cache.
pub(super) const CHUNK: usize = 256;

/// Sites sorted by situation, for [`Rule::turn`] to work in.
#[derive(Clone, Debug)]
pub(super) struct Sorted {
    masks: [[u64; CHUNK]; 10],
    certain: [u64; CHUNK],
    turns: [u64; CHUNK],
}

impl Default for Sorted {
    fn default() -> Self {
        Sorted {
            masks: [[0; CHUNK]; 10],
            certain: [0; CHUNK],
            turns: [0; CHUNK],
        }
    }
}

impl Rule {
    /// Turns the sites.
    pub(super) fn turn(&self, sites: Sites<'_>, memory: &mut Sorted, lanes: &mut LaneRng) {
        if let Some((likes_equal, thresholds)) = self.plain() {
            return plain_turn(likes_equal, thresholds, sites, memory, lanes);
        }
        match self.classes.len() {
            0..=2 if self.is_symmetric() => self.turn_classes::<2, true>(sites, memory, lanes),
            3..=5 if self.is_symmetric() => self.turn_classes::<5, true>(sites, memory, lanes),
            _ => self.turn_classes::<10, false>(sites, memory, lanes),
        }
    }

    /// Whether equal neighbours are liked and the thresholds of sites where three and where all four are as they like, if the rule turns all others for certain: as Metropolis does without a
    /// field.
    fn plain(&self) -> Option<(bool, [u64; 2])> {
        let both = |n: u16| 1 << n | 1 << (5 + n);
        let [first, second] = self.classes[..] else {
            return None;
        };
        [(true, first, second, [3, 4]), (false, second, first, [1, 0])]
            .into_iter()
            .find(|(_, three, four, n)| {
                (three.1, four.1) == (both(n[0]), both(n[1]))
                    && self.certain == 0b11111_11111 & !(three.1 | four.1)
            })
            .map(|(likes_equal, three, four, _)| (likes_equal, [three.0, four.0]))
    }

    /// Whether the rule is the same for both spins, as it is without a field.
    fn is_symmetric(&self) -> bool {
        let same = |situations: u16| situations & 0b11111 == situations >> 5;
        same(self.certain) && self.classes.iter().all(|class| same(class.1))
    }

    fn turn_classes<const C: usize, const SYMMETRIC: bool>(
        &self,
        sites: Sites<'_>,
        memory: &mut Sorted,
        lanes: &mut LaneRng,
    ) {
        let n = sites.own.len();
        // Classes that there are not stay empty.
        let mut thresholds = [0; C];
        let mut members = [0; C];
        for (c, class) in self.classes.iter().enumerate() {
            (thresholds[c], members[c]) = *class;
        }
        vectorized(Sort::<C, SYMMETRIC> {
            own: &*sites.own,
            neighbours: sites.neighbours,
            certain: self.certain,
            members,
            certain_sites: &mut memory.certain[..n],
            masks: first_mut::<C>(&mut memory.masks),
        });
        let masks: [&[u64]; C] = std::array::from_fn(|c| &memory.masks[c][..n]);
        lanes.fill_below(masks, thresholds, &mut memory.turns[..n]);
        vectorized(Turn {
            own: sites.own,
            turns: &memory.turns[..n],
            certain: &memory.certain[..n],
        });
    }
}

/// [`Rule::turn`] for a rule that is [`Rule::plain`], which needs no sorting by tables.
fn plain_turn(
    likes_equal: bool,
    thresholds: [u64; 2],
    sites: Sites<'_>,
    memory: &mut Sorted,
    lanes: &mut LaneRng,
) {
    let n = sites.own.len();
    let [three, four] = first_mut::<2>(&mut memory.masks);
    vectorized(PlainSort {
        flip: if likes_equal { 0 } else { u64::MAX },
        own: &*sites.own,
        neighbours: sites.neighbours,
        certain_sites: &mut memory.certain[..n],
        three: &mut three[..n],
        four: &mut four[..n],
    });
    lanes.fill_below([&three[..n], &four[..n]], thresholds, &mut memory.turns[..n]);
    vectorized(Turn {
        own: sites.own,
        turns: &memory.turns[..n],
        certain: &memory.certain[..n],
    });
}

fn first_mut<const C: usize>(masks: &mut [[u64; CHUNK]; 10]) -> &mut [[u64; CHUNK]; C] {
    masks.first_chunk_mut().expect("at most ten classes")
}

/// Sorts sites by situation.
struct Sort<'a, const C: usize, const SYMMETRIC: bool> {
    own: &'a [u64],
    neighbours: [&'a [u64]; 4],
    certain: u16,
    members: [u16; C],
    certain_sites: &'a mut [u64],
    masks: &'a mut [[u64; CHUNK]; C],
}

impl<const C: usize, const SYMMETRIC: bool> Vectorized for Sort<'_, C, SYMMETRIC> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let n = self.own.len();
        let [a, b, c, d] = self.neighbours.map(|words| &words[..n]);
        let (own, certain_sites) = (&self.own[..n], &mut self.certain_sites[..n]);
        // All bits or none for each situation, which costs less than a decision.
        let all = |situations: u16| -> [u64; 10] {
            std::array::from_fn(|k| u64::from(situations >> k & 1).wrapping_neg())
        };
        let certain = all(self.certain);
        let members = self.members.map(all);
        for w in 0..n {
            let up = own[w];
            // The number of neighbours that are different, by two half adders and their sum.
            let [a, b, c, d] = [a[w] ^ up, b[w] ^ up, c[w] ^ up, d[w] ^ up];
            let (one_ab, two_ab) = (a ^ b, a & b);
            let (one_cd, two_cd) = (c ^ d, c & d);
            let odd = one_ab ^ one_cd;
            let four = two_ab & two_cd;
            let three = odd & (two_ab | two_cd);
            let none = !(a | b | c | d);
            let two = !(odd | four | none);
            let by_equal = [four, three, two, odd & !three, none];
            let union = |members: &[u64; 10]| {
                let mut sites = 0;
                for k in 0..5 {
                    sites |= if SYMMETRIC {
                        by_equal[k] & members[k]
                    } else {
                        by_equal[k] & ((members[k] & !up) | (members[5 + k] & up))
                    };
                }
                sites
            };
            certain_sites[w] = union(&certain);
            for (mask, members) in self.masks.iter_mut().zip(&members) {
                mask[w] = union(members);
            }
        }
    }
}

/// Finds the sites where three and where all four neighbours are as they like, equal or, with all bits of `flip`, different; and the others.
struct PlainSort<'a> {
    flip: u64,
    own: &'a [u64],
    neighbours: [&'a [u64]; 4],
    certain_sites: &'a mut [u64],
    three: &'a mut [u64],
    four: &'a mut [u64],
}

impl Vectorized for PlainSort<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let n = self.own.len();
        let [a, b, c, d] = self.neighbours.map(|words| &words[..n]);
        let (certain_sites, three, four) = (
            &mut self.certain_sites[..n],
            &mut self.three[..n],
            &mut self.four[..n],
        );
        for w in 0..n {
            let liked = self.own[w] ^ self.flip;
            let [a, b, c, d] = [a[w] ^ liked, b[w] ^ liked, c[w] ^ liked, d[w] ^ liked];
            let none = !(a | b | c | d);
            let one = (a ^ b ^ c ^ d) & !(a & b | c & d);
            four[w] = none;
            three[w] = one;
            certain_sites[w] = !(none | one);
        }
    }
}

/// Turns the sites that are to be turned.
struct Turn<'a> {
    own: &'a mut [u64],
    turns: &'a [u64],
    certain: &'a [u64],
}

impl Vectorized for Turn<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for ((own, turns), certain) in self.own.iter_mut().zip(self.turns).zip(self.certain) {
            *own ^= turns | certain;
        }
    }
}
