//! Which entries of many sparse rows are not zero.

use rayon::prelude::*;

use super::PANEL;

/// A list of indices for each of many rows, with values where not all are one.
///
/// Every list has the same room, so that rows can be filled independently and in parallel and nothing is allocated once the room
/// suffices.
///
/// ```
/// use gibbsian_linalg::kernels::ActiveLists;
///
/// let mut lists = ActiveLists::default();
/// lists.reset(1, 64, false);
/// // The bits of a mask are columns from 64 on.
/// lists.fill_groups(1, |_, mut group| group.push_bits(0, 0b1001, 64));
/// assert_eq!(lists.indices(0), [64, 67]);
/// assert_eq!(lists.total(0), 2.0);
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ActiveLists {
    room: usize,
    lengths: Vec<u32>,
    indices: Vec<u32>,
    /// As long as `indices`, or empty when every active entry is one.
    values: Vec<f32>,
}

/// Some consecutive lists of an [`ActiveLists`], to be filled.
pub struct ListsMut<'a> {
    room: usize,
    lengths: &'a mut [u32],
    indices: &'a mut [u32],
    values: &'a mut [f32],
}

impl ActiveLists {
    /// Empties the lists and makes `n_lists` of them, each with room for `room` entries; `with_values` if they are not all one.
    pub fn reset(&mut self, n_lists: usize, room: usize, with_values: bool) {
        self.room = room;
        self.lengths.clear();
        self.lengths.resize(n_lists, 0);
        self.indices.resize(n_lists * room, 0);
        self.values
            .resize(if with_values { n_lists * room } else { 0 }, 0.0);
    }

    /// The number of lists.
    pub fn n_lists(&self) -> usize {
        self.lengths.len()
    }

    /// The indices of list `list`.
    #[inline(always)]
    pub fn indices(&self, list: usize) -> &[u32] {
        let start = list * self.room;
        &self.indices[start..start + self.lengths[list] as usize]
    }

    /// The values of list `list`, or `None` when all are one.
    #[inline(always)]
    pub fn values(&self, list: usize) -> Option<&[f32]> {
        if self.values.is_empty() {
            return None;
        }
        let start = list * self.room;
        Some(&self.values[start..start + self.lengths[list] as usize])
    }

    /// The sum of the values of list `list`: its length when all are one.
    pub fn total(&self, list: usize) -> f32 {
        match self.values(list) {
            Some(values) => values.iter().sum(),
            None => self.lengths[list] as f32,
        }
    }

    /// Calls `fill(group, lists)` on consecutive groups of `n` lists, in parallel and without allocating.
    pub fn fill_groups(&mut self, n: usize, fill: impl Fn(usize, ListsMut<'_>) + Sync) {
        let room = self.room;
        let lists = (self.lengths.par_chunks_mut(n)).zip(self.indices.par_chunks_mut((n * room).max(1)));
        if self.values.is_empty() {
            lists.enumerate().for_each(|(group, (lengths, indices))| {
                fill(
                    group,
                    ListsMut {
                        room,
                        lengths,
                        indices,
                        values: &mut [],
                    },
                );
            });
        } else {
            let lists = lists.zip(self.values.par_chunks_mut(n * room));
            lists
                .enumerate()
                .for_each(|(group, ((lengths, indices), values))| {
                    fill(
                        group,
                        ListsMut {
                            room,
                            lengths,
                            indices,
                            values,
                        },
                    );
                });
        }
    }
}

impl ListsMut<'_> {
    /// Appends to list `list` of this group.
    #[inline(always)]
    pub fn push(&mut self, list: usize, index: u32) {
        let length = &mut self.lengths[list];
        self.indices[list * self.room + *length as usize] = index;
        *length += 1;
    }

    /// Appends an entry with a value; the lists must have been made with values.
    #[inline(always)]
    pub fn push_value(&mut self, list: usize, index: u32, value: f32) {
        self.values[list * self.room + self.lengths[list] as usize] = value;
        self.push(list, index);
    }

    /// Appends `first + position` to list `list` for each bit of `mask` that is set.
    #[inline(always)]
    pub fn push_bits(&mut self, list: usize, mask: u64, first: u32) {
        let mut rest = mask;
        let start = list * self.room;
        let mut length = self.lengths[list] as usize;
        let indices = &mut self.indices[start..start + self.room];
        while rest != 0 {
            indices[length] = first + rest.trailing_zeros();
            length += 1;
            rest &= rest - 1;
        }
        self.lengths[list] = length as u32;
    }

    /// Appends `index` to every list among the first 64 whose bit of `mask` is set.
    #[inline(always)]
    pub fn scatter_bits(&mut self, mask: u64, index: u32) {
        debug_assert!(self.lengths.len() <= PANEL);
        let mut rest = mask;
        while rest != 0 {
            self.push(rest.trailing_zeros() as usize, index);
            rest &= rest - 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_become_rows_and_columns() {
        let masks = [0b1011u64, 0b0100];
        let mut rows = ActiveLists::default();
        rows.reset(2, 8, false);
        rows.fill_groups(1, |row, mut group| group.push_bits(0, masks[row], 10));
        assert_eq!(rows.indices(0), [10, 11, 13]);
        assert_eq!(rows.indices(1), [12]);
        assert_eq!(rows.total(0), 3.0);

        let mut columns = ActiveLists::default();
        columns.reset(4, 2, false);
        columns.fill_groups(4, |_, mut group| {
            for (row, mask) in masks.iter().enumerate() {
                group.scatter_bits(*mask, row as u32);
            }
        });
        assert_eq!((columns.indices(0), columns.indices(2)), (&[0][..], &[1][..]));
    }

    #[test]
    fn lists_are_reused_and_can_carry_values() {
        let mut lists = ActiveLists::default();
        lists.reset(3, 2, true);
        lists.fill_groups(2, |k, mut group| group.push_value(0, 7, 0.5 + k as f32));
        assert_eq!((lists.indices(2), lists.values(2)), (&[7][..], Some(&[1.5][..])));
        assert_eq!(lists.total(0), 0.5);
        lists.reset(2, 2, false);
        assert!(lists.indices(0).is_empty() && lists.values(0).is_none());
    }
}
